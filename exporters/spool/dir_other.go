//go:build !windows && (!unix || solaris || aix)

package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

func private(_, _ fs.FileInfo) error { return nil }

func shared(_, _ fs.FileInfo) error { return nil }

// lock refuses: two logs in one directory destroy each other.
func lock(*os.Root, string) (*os.File, error) {
	return nil, fmt.Errorf("lock on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func unlock(*os.File) error { return nil }

func syncDir(*os.File) error { return nil }

func isFull(error) bool { return false }

func isBroken(error) bool { return false }
