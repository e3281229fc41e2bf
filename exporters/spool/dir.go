package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/otelmon/otelmon-go/internal/files"
)

type file = files.File

// directory is a folder that is the log's alone.
type directory struct {
	path string
	root *os.Root
	lock *os.File
	open files.Open
}

func openDirectory(path string) (*directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	d := &directory{path: path, root: root, open: func(name string, flag int) (file, error) {
		f, err := root.OpenFile(name, flag, 0o600)
		if err != nil {
			return nil, err // not a *os.File that is nil
		}
		return f, nil
	}}
	if err := d.check(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if d.lock, err = lock(root, path); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return d, nil
}

// check looks at what was opened and not only at its path, which may have been
// exchanged meanwhile.
func (d *directory) check() error {
	opened, err := d.root.Stat(".")
	if err != nil {
		return fmt.Errorf("look at the directory: %w", err)
	}
	named, err := os.Lstat(d.path)
	if err != nil {
		return fmt.Errorf("look at the directory: %w", err)
	}
	if !os.SameFile(opened, named) {
		return errors.New("is a symbolic link; name the directory that it leads to")
	}
	parent, err := os.Stat(filepath.Join(d.path, ".."))
	if err != nil {
		return fmt.Errorf("look at the parent: %w", err)
	}
	return private(opened, parent)
}

// Shared says why [Open] would refuse the directory for its mode or that of its parent:
// others could write to it, or put another in its place. It is nil for one that is not
// there and could be made, and always on Windows, where modes say nothing.
func Shared(dir string) error {
	var own, parent fs.FileInfo // without a value where there is none
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		own = info
	}
	if info, err := os.Stat(filepath.Dir(dir)); err == nil {
		parent = info
	}
	return shared(own, parent)
}

// sync makes the names of new files survive a power failure.
func (d *directory) sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return syncDir(f)
}

// files lists the regular files. All else in the directory is nobody's concern.
func (d *directory) files() ([]fs.FileInfo, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	var infos []fs.FileInfo
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			infos = append(infos, info)
		}
	}
	return infos, nil
}

func (d *directory) close() error {
	return errors.Join(d.root.Close(), unlock(d.lock))
}

func locked(path string) error {
	return fmt.Errorf("%w: %s: end the other process, or give each one a directory of its own", ErrLocked, path)
}
