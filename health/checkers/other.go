//go:build !linux && !darwin

package checkers

import (
	"errors"
	"runtime"
)

func fileDescriptors() (open, limit uint64, err error) {
	return 0, 0, errors.New("not supported on " + runtime.GOOS)
}

func inodes(string) (free, total uint64, err error) {
	return 0, 0, errors.New("not supported on " + runtime.GOOS)
}
