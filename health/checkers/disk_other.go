//go:build !linux && !darwin && !windows

package checkers

import (
	"errors"
	"runtime"
)

func diskSpace(string) (free, total uint64, err error) {
	return 0, 0, errors.New("not supported on " + runtime.GOOS)
}
