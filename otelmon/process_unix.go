//go:build unix

package otelmon

import (
	"os"
	"syscall"
	"time"
)

func cpuSeconds() (user, system float64) {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return -1, -1
	}
	return time.Duration(ru.Utime.Nano()).Seconds(), time.Duration(ru.Stime.Nano()).Seconds()
}

// countFiles counts the entries of a folder that lists the open files, less
// the one that the listing itself takes.
func countFiles(dir string) int64 {
	d, err := os.Open(dir)
	if err != nil {
		return -1
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return -1
	}
	return int64(len(names) - 1)
}
