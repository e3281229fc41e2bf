package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
)

// file is a source file that the walk has found.
type file struct {
	path  string // relative to the root, with slashes
	size  int64
	mtime time.Time
}

func (f file) bytes() int { return int(f.size) }

// tree is what a walk has found.
type tree struct {
	files  []file
	faults []fault
}

// fault is a folder or file that could not be looked at.
type fault struct {
	path string
	err  error
}

// walk finds every regular .go file. What cannot be looked at is a fault, not
// an end, except the root itself.
func walk(ctx context.Context, source fs.FS) (tree, error) {
	var found tree
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && path == ".":
			return err
		case err == nil && (!entry.Type().IsRegular() || !strings.HasSuffix(path, ".go")):
			return nil
		}
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		if err != nil {
			found.faults = append(found.faults, fault{path, err})
		} else {
			found.files = append(found.files, file{path, info.Size(), info.ModTime()})
		}
		return nil
	})
	return found, err
}

// all yields the files, and the faults as items that cannot be read.
func (t tree) all(yield func(file, error) bool) {
	for _, f := range t.files {
		if !yield(f, nil) {
			return
		}
	}
	for _, f := range t.faults {
		if !yield(file{}, bulk.Permanent(f.err)) {
			return
		}
	}
}

// gone lists what is known and was not found. What may hide behind a fault is
// not gone.
func (t tree) gone(known map[string]stamp) []string {
	found := make(map[string]bool, len(t.files))
	for _, f := range t.files {
		found[f.path] = true
	}
	var gone []string
	for path := range known {
		if !found[path] && !t.hidden(path) {
			gone = append(gone, path)
		}
	}
	slices.Sort(gone)
	return gone
}

func (t tree) hidden(path string) bool {
	return slices.ContainsFunc(t.faults, func(f fault) bool {
		return !errors.Is(f.err, fs.ErrNotExist) && (path == f.path || strings.HasPrefix(path, f.path+"/"))
	})
}

// sourceRoot resolves the flag -root; empty means the standard library of the
// Go toolchain on this machine.
func sourceRoot(ctx context.Context, root string) (string, error) {
	if root == "" {
		goroot, err := toolchain(ctx)
		if err != nil {
			return "", fmt.Errorf("find the Go standard library, or say with -root what to index: %w", err)
		}
		root = filepath.Join(goroot, "src")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	root, err = filepath.EvalSymlinks(root)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", root)
	}
	return root, err
}

// toolchain asks the go command. runtime.GOROOT, which would know where this
// program was built, is deprecated and empty under -trimpath.
func toolchain(ctx context.Context) (string, error) {
	if goroot := os.Getenv("GOROOT"); goroot != "" {
		return goroot, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local") // never download another one
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	goroot := strings.TrimSpace(string(out))
	if goroot == "" {
		return "", errors.New("go env GOROOT says nothing")
	}
	return goroot, nil
}
