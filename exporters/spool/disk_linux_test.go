package spool

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mount puts a file system of 2 MiB over a directory.
func mount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size=2m,mode=700"); err != nil {
		t.Skip("no right to mount a small disk: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestDiskOfTwoMegabytes(t *testing.T) {
	dir := place(t)
	mount(t, dir, 0)
	var losses ledger
	l := start(t, Options{Dir: dir, Sync: SyncNever, SegmentBytes: 256 << 10, Lost: losses.lost})
	c := cursor(t, l, "a")
	accepted := 0
	for range 200 {
		_, err := l.Append(Record{Lane: 1, Items: 1, Payload: []byte(strings.Repeat("x", 100<<10))})
		if err == nil {
			accepted++
		} else if !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	if accepted < 10 || accepted > 20 {
		t.Errorf("%d records of 100 KiB fit", accepted)
	}
	if got, _ := drain(t, c, 1); len(got) != accepted {
		t.Errorf("%d of %d records can be read", len(got), accepted)
	}
	tend(t, l, time.Now())
	add(t, l, 1, 1, strings.Repeat("y", 1<<20))
	if got, _ := drain(t, c, 1); len(got) != 1 {
		t.Errorf("%d records after there was space", len(got))
	}
	if len(losses.losses) != 0 {
		t.Errorf("lost %+v", losses.losses)
	}
}
