package exporters

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

const pageBytes = 8 * pageSlots

// openPage returns the ledger's file, all of whose bytes exist.
func openPage(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != int64(pageBytes) {
		_, err = f.WriteAt(make([]byte, pageBytes), 0)
		err = errors.Join(err, f.Truncate(int64(pageBytes)), f.Sync())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make room for the ledger: %w", err), f.Close())
	}
	return f, nil
}

// savedLedger reads the numbers, and writes them back when it is closed.
func savedLedger(f *os.File) (*ledger, error) {
	bytes := make([]byte, pageBytes)
	if _, err := f.ReadAt(bytes, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("read the ledger: %w", err), f.Close())
	}
	l := newLedger()
	p := l.page.Load()
	for i := range p {
		p[i].Store(int64(binary.NativeEndian.Uint64(bytes[8*i:]))) //nolint:gosec // the bits are kept
	}
	l.check()
	l.save = func() error {
		p := l.page.Load()
		for i := range p {
			binary.NativeEndian.PutUint64(bytes[8*i:], uint64(p[i].Load())) //nolint:gosec // the bits are kept
		}
		_, err := f.WriteAt(bytes, 0)
		return errors.Join(err, f.Close())
	}
	return l, nil
}
