package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSourceRoot(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"goroot/src/a.go": "package a", "file": ""})
	goroot := filepath.Join(dir, "goroot")

	t.Run("of GOROOT", func(t *testing.T) {
		t.Setenv("GOROOT", goroot)
		if got, err := sourceRoot(t.Context(), ""); err != nil || got != filepath.Join(goroot, "src") {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("of the go command", func(t *testing.T) {
		t.Setenv("GOROOT", "")
		got, err := sourceRoot(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(got, "fmt", "print.go")); err != nil {
			t.Error(err)
		}
	})
	t.Run("without go", func(t *testing.T) {
		t.Setenv("GOROOT", "")
		t.Setenv("PATH", dir)
		if got, err := sourceRoot(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "-root") {
			t.Errorf("%q, %v: the error must say what to do", got, err)
		}
	})
	t.Run("a symbolic link", func(t *testing.T) {
		link := filepath.Join(dir, "link")
		if err := os.Symlink(goroot, link); err != nil {
			if runtime.GOOS == "windows" {
				t.Skip(err) // needs a privilege there
			}
			t.Fatal(err)
		}
		if got, err := sourceRoot(t.Context(), link); err != nil || got != goroot {
			t.Errorf("%q, %v", got, err)
		}
	})
	for _, wrong := range []string{filepath.Join(dir, "gone"), filepath.Join(dir, "file")} {
		if got, err := sourceRoot(t.Context(), wrong); err == nil {
			t.Errorf("%q is taken as %q", wrong, got)
		}
	}
}

func TestWalkStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := walk(ctx, fstest.MapFS{"a.go": {}}); err == nil {
		t.Errorf("found %v", found.files)
	}
}

func TestGone(t *testing.T) {
	found := tree{
		files:  []file{{path: "here.go"}},
		faults: []fault{{"private", os.ErrPermission}, {"vanished.go", os.ErrNotExist}},
	}
	known := map[string]stamp{"here.go": {}, "removed.go": {}, "private/a.go": {}, "private2/a.go": {}, "vanished.go": {}}
	if got, want := found.gone(known), []string{"private2/a.go", "removed.go", "vanished.go"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
