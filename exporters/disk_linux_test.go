package exporters_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// mount puts a file system of 2 MiB over a directory.
func mount(t *testing.T, flags uintptr) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(dir, 0o700); err != nil {
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
	return dir
}

// fill writes to the disk until it is full.
func fill(t *testing.T, dir string) (file string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "of somebody else"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.WriteString(rand.Text())
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// While the disk is full telemetry waits in memory, and when it has room in the
// directory again. Nothing is lost, and the account of the directory goes on.
func TestFullDisk(t *testing.T) {
	dir, at := mount(t, 0), listening(t)
	o := to(httpAt(at))
	o.Dir, o.MinFree = dir, -1
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, o)
		s.items(0, 10, 0)
		_ = s.box.Flush(t.Context())
		if err := s.box.Status().DiskFault; err != nil {
			t.Fatal(err)
		}
		other := fill(t, dir)
		s.items(10, 2000, 5)
		_ = s.box.Flush(t.Context())
		if err := s.box.Status().DiskFault; !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("the disk is full, but %v", err)
		}
		full := files(t, dir)
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		s.items(2000, 2010, 5) // the disk is not tried yet
		_ = s.box.Flush(t.Context())
		if got := files(t, dir); got >= full {
			t.Errorf("%d bytes in the directory, before %d", got, full)
		}
		<-time.After(11 * time.Second)
		s.items(2010, 2020, 5)
		_ = s.box.Flush(t.Context())
		if err := s.box.Status().DiskFault; err != nil {
			t.Errorf("the disk has room, but %v", err)
		}
		_ = s.close(done()) // which costs what is in memory
		s.balance(t, 2020)
	})

	r := start(t, at)
	s := newSource(t, o)
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	s.balance(t, 2020, r)
	for _, signal := range everySignal {
		if a := account(t, s.box, signal); a.Delivered < 20 || a.Dropped["abandoned"] == 0 || a.Dropped["crashed"] != 0 {
			t.Errorf("%s", a)
		}
	}
}

func files(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// What went to memory and what went to the disk both arrive.
func TestFullDiskLosesNothing(t *testing.T) {
	r := start(t, oteltest.Options{})
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	o.Dir, o.MinFree = mount(t, 0), -1
	s := newSource(t, o)
	r.Fail(oteltest.Fault{Status: 503})
	s.items(0, 10, 0)
	_ = s.box.Flush(t.Context())
	fill(t, o.Dir)
	s.items(10, 2000, 5)
	_ = s.box.Flush(t.Context())
	if s.box.Status().DiskFault == nil {
		t.Error("the disk is not full")
	}
	r.Heal()
	if err := s.box.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	s.balance(t, 2000, r)
	for _, signal := range everySignal {
		if a := account(t, s.box, signal); a.Delivered != 2000 {
			t.Errorf("%s", a)
		}
	}
}

// A disk that is read-only now may be written to later.
func TestReadOnlyDisk(t *testing.T) {
	at := listening(t)
	o := to(httpAt(at))
	o.Dir = mount(t, syscall.MS_RDONLY)
	synctest.Test(t, func(t *testing.T) {
		s := newSource(t, o)
		if st := s.box.Status(); st.Store != "memory" || !errors.Is(st.DiskFault, syscall.EROFS) || !strings.Contains(st.DiskFault.Error(), o.Dir) {
			t.Errorf("in %s, fault %v", st.Store, st.DiskFault)
		}
		if err := syscall.Mount("", o.Dir, "", syscall.MS_REMOUNT, ""); err != nil {
			t.Fatal(err)
		}
		<-time.After(11 * time.Second)
		s.items(0, 10, 0)
		_ = s.close(done())
		s.balance(t, 10)
	})
	delivers(t, o, start(t, at), 10, "abandoned", 0)
}

// A directory on a full disk, which has never been used, has no room for a ledger.
func TestNewDirectoryOnAFullDisk(t *testing.T) {
	o := to(exporters.Endpoint{})
	o.Dir = mount(t, 0)
	fill(t, o.Dir)
	s := newSource(t, o)
	if st := s.box.Status(); st.Store != "memory" || !errors.Is(st.DiskFault, syscall.ENOSPC) {
		t.Errorf("in %s, fault %v", st.Store, st.DiskFault)
	}
}
