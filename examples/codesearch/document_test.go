package main

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSymbols(t *testing.T) {
	body := "package shop\n\nimport \"fmt\"\n\n// func comment\ntype Order struct{\n\tfunc inner\n}\n" +
		"func (o *Order) Total() int {\nfunc New[T any](x T) {\nvar ErrGone = 1\nconst Äpfel int = 2\nfunc (\ntype\nfunc  two\n"
	if got, want := symbols(body), "shop Order Total New ErrGone Äpfel"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadDocument(t *testing.T) {
	tree := fstest.MapFS{
		"good.go":   {Data: []byte("package good\n")},
		"empty.go":  {},
		"binary.go": {Data: []byte("package a\x00b")},
		"latin1.go": {Data: []byte("package a // caf\xe9")},
		"grown.go":  {Data: make([]byte, maxFileSize+1)},
	}
	for name, want := range map[string]error{
		"good.go": nil, "empty.go": nil, "binary.go": unsuitable("binary"), "latin1.go": unsuitable("not UTF-8"),
		"grown.go": unsuitable("too large"), "gone.go": fs.ErrNotExist,
	} {
		if _, err := readDocument(tree, file{path: name}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := readDocument(tree, file{path: "good.go", size: maxFileSize + 1}); !errors.Is(err, unsuitable("too large")) {
		t.Errorf("a file known to be too large was read: %v", err)
	}
	if _, err := readDocument(brokenFS{}, file{path: "any.go"}); err == nil || !strings.Contains(err.Error(), "any.go") {
		t.Errorf("an error while reading: %v", err)
	}
}

// brokenFS opens files that cannot be read.
type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return brokenFile{}, nil }

type brokenFile struct{ fs.File }

func (brokenFile) Read([]byte) (int, error) { return 0, errors.New("input/output error") }
func (brokenFile) Close() error             { return nil }
