package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileSize is far above what people write and machines generate: the largest
// file of Go's own tree has 3 MB.
const maxFileSize = 16 << 20

// document is one source file, ready to be indexed.
type document struct {
	stamp
	path    string // relative to the root, with slashes
	symbols string // names declared at the top level
	body    string
}

// unsuitable is why a file is skipped: its content is nothing to search.
type unsuitable string

// Error returns the reason, one of few.
func (u unsuitable) Error() string { return string(u) }

// readDocument reads and checks a whole file; f says what the walk saw of it.
func readDocument(tree fs.FS, f file) (document, error) {
	d := document{path: f.path, stamp: stamp{size: f.size, mtime: f.mtime}}
	if f.size > maxFileSize {
		return d, unsuitable("too large")
	}
	body, err := readAll(tree, f.path)
	switch {
	case err != nil:
		return d, err
	case len(body) > maxFileSize: // it has grown since
		return d, unsuitable("too large")
	case !utf8.Valid(body):
		return d, unsuitable("not UTF-8")
	case bytes.IndexByte(body, 0) >= 0:
		return d, unsuitable("binary")
	}
	d.hash = sha256.Sum256(body)
	d.body = string(body)
	d.symbols = symbols(d.body)
	return d, nil
}

func readAll(tree fs.FS, path string) (_ []byte, err error) {
	f, err := tree.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return body, nil
}

// symbols finds declared names by the shape that gofmt gives to declarations,
// so that it works on files that do not compile.
func symbols(body string) string {
	var names []string
	for line := range strings.Lines(body) {
		if name := declared(line); name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// declared is the name that a line declares at the top level, or "".
func declared(line string) string {
	keyword, rest, ok := strings.Cut(line, " ")
	if !ok {
		return ""
	}
	switch keyword {
	case "func":
		if strings.HasPrefix(rest, "(") { // a method
			_, rest, _ = strings.Cut(rest, ") ")
		}
	case "type", "var", "const", "package":
	default:
		return ""
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		end = len(rest)
	}
	return rest[:end]
}
