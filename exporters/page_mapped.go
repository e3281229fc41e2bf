//go:build darwin || linux

package exporters

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// openLedger keeps the page in a file. It is locked into memory, so that no
// failing disk can make reading a number fault; where the system refuses that,
// the numbers are saved at the end only.
func openLedger(root *os.Root, name string) (*ledger, error) {
	f, err := openPage(root, name)
	if err != nil {
		return nil, err
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, pageBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return savedLedger(f)
	}
	if err := syscall.Mlock(mapped); err != nil {
		_ = syscall.Munmap(mapped) // nothing was written to it
		return savedLedger(f)
	}
	if err := f.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("close the ledger: %w", err), syscall.Munmap(mapped))
	}
	l := &ledger{}
	l.page.Store((*page)(unsafe.Pointer(unsafe.SliceData(mapped))))
	l.check()
	// A late counter may still hold the page, so it is unmapped with the ledger.
	runtime.AddCleanup(l, func(mapped []byte) { _ = syscall.Munmap(mapped) }, mapped)
	return l, nil
}
