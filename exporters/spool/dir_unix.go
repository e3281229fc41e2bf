//go:build unix && !solaris && !aix

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private reports every reason why others could get at the log.
func private(dir, parent fs.FileInfo) error {
	var faults []error
	if stat, ok := dir.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		faults = append(faults, fmt.Errorf("belongs to user %d and this process runs as %d; choose a directory of your own", stat.Uid, os.Geteuid()))
	}
	return errors.Join(append(faults, shared(dir, parent))...)
}

// shared looks at modes alone, of what is not nil.
func shared(dir, parent fs.FileInfo) error {
	var faults []error
	if dir != nil && dir.Mode().Perm()&0o022 != 0 {
		faults = append(faults, fmt.Errorf("others may write to it (mode %#o); chmod 700, or choose a directory two levels below, as in a volume of Kubernetes", dir.Mode().Perm()))
	}
	if parent != nil && parent.Mode().Perm()&0o022 != 0 && parent.Mode()&fs.ModeSticky == 0 {
		faults = append(faults, fmt.Errorf("others may replace it, as they may write to its parent (mode %#o); choose another parent, as a directory one level deeper has", parent.Mode().Perm()))
	}
	return errors.Join(faults...)
}

// lock ends with the process, however that ends.
func lock(root *os.Root, path string) (*os.File, error) {
	f, err := root.OpenFile("lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the lock: %w; user %d must be able to write there", err, os.Geteuid())
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = locked(path)
	default:
		err = fmt.Errorf("lock: %w", err)
	}
	return nil, errors.Join(err, f.Close())
}

// unlock does not leave it to the close: a child that the process starts at this
// moment holds the file open, too, until it runs its own program.
func unlock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func syncDir(f *os.File) error { return f.Sync() }

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isBroken(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO)
}
