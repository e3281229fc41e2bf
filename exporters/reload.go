package exporters

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// maxSecretFile is how large a token or a certificate file may be.
const maxSecretFile = 1 << 20

// watched are files whose content is compared whenever one of them was touched.
type watched struct {
	paths    []string
	seen     []os.FileInfo
	contents [][]byte
	doubted  bool // look at the contents although no file was touched
}

func newWatched(paths ...string) *watched {
	paths = slices.DeleteFunc(paths, func(path string) bool { return path == "" })
	return &watched{paths: paths, seen: make([]os.FileInfo, len(paths)), contents: make([][]byte, len(paths))}
}

// changed reads the files that were touched since the last call and reports
// whether one reads differently now. After a fault the next call tries again.
func (w *watched) changed() (bool, error) {
	var faults []error
	changed, doubted := false, w.doubted
	w.doubted = false
	for i, path := range w.paths {
		info, err := os.Stat(path)
		if err == nil && !doubted && sameFile(info, w.seen[i]) {
			continue
		}
		content, err := readSmall(path)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		w.seen[i] = info
		changed = changed || w.contents[i] == nil || !bytes.Equal(content, w.contents[i])
		w.contents[i] = content
	}
	if len(faults) > 0 {
		w.forget()
		return false, errors.Join(faults...)
	}
	return changed, nil
}

// forget makes the next call read everything and find it changed.
func (w *watched) forget() {
	clear(w.seen)
	clear(w.contents)
}

// sameFile compares more than the time: a rename may bring an older file.
func sameFile(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// readSmall reads a file whole, which must not be larger than maxSecretFile.
// Others than regular files may have no end or wait for a writer.
func readSmall(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err == nil && len(content) > maxSecretFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	}
	return content, err
}

// token is what the token file held when it could last be read.
type token struct {
	file  *watched
	value string
}

func newToken(path string) *token { return &token{file: newWatched(path)} }

// refresh reads the file if it was touched and reports whether the token is
// another one now. After a fault the token stays what it was.
func (t *token) refresh() (bool, error) {
	before := t.value
	changed, err := t.file.changed()
	if err != nil {
		return false, fmt.Errorf("TokenFile cannot be read: %w", err)
	}
	if !changed {
		return false, nil
	}
	value, err := parseToken(t.file.paths[0], t.file.contents[0])
	if err != nil {
		t.file.forget() // may be half written
		return false, err
	}
	t.value = value
	return value != before, nil
}

// parseToken checks that the content can be sent over either protocol. What it
// is does not come into the error.
func parseToken(path string, content []byte) (string, error) {
	value := strings.TrimSpace(string(content))
	switch {
	case value == "":
		return "", fmt.Errorf("TokenFile %s is empty", path)
	case !httpguts.ValidHeaderFieldValue(value), strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("TokenFile %s holds more than one word of printable ASCII", path)
	}
	return value, nil
}

// credentials takes up what has changed in the files since the last attempt. A
// fault leaves what was there in use.
func (s *sender) credentials() (token string, fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault = s.reloadCertificates()
	if s.token == nil {
		return "", fault
	}
	return s.token.value, errors.Join(fault, s.refreshToken())
}

// renew reads the token file once more and reports whether it holds another
// token than the one that was not taken.
func (s *sender) renew(denied string) (fresh string, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil {
		return "", false
	}
	s.token.file.doubted = true
	_ = s.refreshToken() // told by the next attempt
	return s.token.value, s.token.value != denied
}

func (s *sender) refreshToken() error {
	before := s.token.value
	changed, err := s.token.refresh()
	if changed {
		// An answer that is under way may still echo the one before.
		s.secrets = secretsOf(s.endpoint.Headers, s.token.value, before)
	}
	return err
}

// reloadCertificates opens a new way when a certificate or key reads
// differently. Connections of the old one would go on with a certificate that
// may have been withdrawn. Files that do not fit each other, as in the middle
// of a rotation, leave the old way in use until they do.
func (s *sender) reloadCertificates() error {
	changed, err := s.files.changed()
	if err != nil {
		return fmt.Errorf("certificates stay as they were: %w", err)
	}
	if !changed {
		return nil
	}
	fresh, err := s.open()
	if err != nil {
		s.files.forget()
		return fmt.Errorf("certificates stay as they were: %w", err)
	}
	s.retire()
	s.current = fresh
	return nil
}

// doubt has the certificates compared at the next attempt even if no file seems
// touched: a change within the resolution of a file's time is not seen.
func (s *sender) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files.doubted = true
}
