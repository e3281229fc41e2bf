package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// What Windows says; the syscall package has no names for these.
const (
	sharingViolation = syscall.Errno(32)
	writeProtect     = syscall.Errno(19)
	handleDiskFull   = syscall.Errno(39)
	diskFull         = syscall.Errno(112)
	ioDevice         = syscall.Errno(1117)
)

// private trusts the directory: access lists are inherited from the parent, and
// the mode says nothing.
func private(_, _ fs.FileInfo) error { return nil }

func shared(_, _ fs.FileInfo) error { return nil }

// lock opens a file that nobody else can open meanwhile.
func lock(_ *os.Root, path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(filepath.Join(path, "lock"))
	if err != nil {
		return nil, fmt.Errorf("create the lock: %w", err)
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return nil, locked(path)
	}
	if err != nil {
		return nil, fmt.Errorf("create the lock: %w", err)
	}
	return os.NewFile(uintptr(handle), "lock"), nil
}

func unlock(f *os.File) error { return f.Close() }

// syncDir does nothing: NTFS writes names to its journal.
func syncDir(*os.File) error { return nil }

func isFull(err error) bool {
	return errors.Is(err, diskFull) || errors.Is(err, handleDiskFull)
}

func isBroken(err error) bool {
	return errors.Is(err, writeProtect) || errors.Is(err, ioDevice)
}
