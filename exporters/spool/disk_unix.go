//go:build linux || darwin

package spool

import "syscall"

// diskSpace reports what is free for this user; ok is false where that is
// unknown.
func diskSpace(path string) (free, total int64, ok bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return 0, 0, false
	}
	block := uint64(fs.Bsize)
	return int64(fs.Bavail * block), int64(fs.Blocks * block), true
}
