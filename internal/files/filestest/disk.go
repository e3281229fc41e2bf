// Package filestest lets the files of a log fail.
package filestest

import (
	"strings"
	"sync"

	"github.com/otelmon/otelmon-go/internal/files"
)

// Disk is one whose calls fail while a fault stands. It is safe for concurrent
// use.
type Disk struct {
	mu    sync.Mutex
	fault Fault
}

// Fault is asked before each call, which is open, read, write, truncate or sync,
// of the file of a name. It may wait, as a disk that hangs does.
type Fault func(call, name string) error

// Failing makes calls of a kind fail on segments.
func Failing(kind string, err error) Fault {
	return func(call, name string) error {
		if call == kind && strings.HasSuffix(name, ".seg") {
			return err
		}
		return nil
	}
}

// Set begins a fault; nil ends it.
func (d *Disk) Set(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// Wrap opens the files on this disk.
func (d *Disk) Wrap(open files.Open) files.Open {
	return func(name string, flag int) (files.File, error) {
		if err := d.check("open", name); err != nil {
			return nil, err
		}
		f, err := open(name, flag)
		if err != nil {
			return nil, err
		}
		return &file{f, d, name}, nil
	}
}

func (d *Disk) check(call, name string) error {
	d.mu.Lock()
	fault := d.fault
	d.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(call, name)
}

type file struct {
	files.File
	disk *Disk
	name string
}

// ReadAt implements [files.File].
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	if err := f.disk.check("read", f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, off)
}

// WriteAt writes half before it fails.
func (f *file) WriteAt(b []byte, off int64) (int, error) {
	if err := f.disk.check("write", f.name); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/2], off)
		return n, err
	}
	return f.File.WriteAt(b, off)
}

// Truncate implements [files.File].
func (f *file) Truncate(size int64) error {
	if err := f.disk.check("truncate", f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync implements [files.File].
func (f *file) Sync() error {
	if err := f.disk.check("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}
