//go:build unix && !solaris && !aix

package spool

import (
	"syscall"
	"testing"
)

// TestForkedChildKeepsNoLock: between fork and exec a child has the open files of
// its parent.
func TestForkedChildKeepsNoLock(t *testing.T) {
	dir := place(t)
	l := start(t, Options{Dir: dir})
	child, err := syscall.Dup(int(l.dir.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(child) }()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Dir: dir})
}
