package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestStoreKeepsWhatItHas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "index.db")
	s, err := openStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	index(t, s, fstest.MapFS{"a.go": {Data: []byte("package aaa")}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		fresh bool
		want  []string
	}{{"opened again", false, []string{"a.go"}}, {"fresh", true, nil}} {
		s, err := openStore(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if test.fresh {
			if err := s.clear(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := indexed(t, s); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if err := s.ping(t.Context()); err != nil {
			t.Errorf("%s: ping: %v", test.name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStoreRebuildsAnotherVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	s, err := openStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	index(t, s, fstest.MapFS{"a.go": {Data: []byte("package aaa")}})
	if _, err := s.write.ExecContext(t.Context(), `PRAGMA user_version = 99; ALTER TABLE files DROP COLUMN hash`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = openStore(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := index(t, s, fstest.MapFS{"a.go": {Data: []byte("package aaa")}}); got.ok != 1 {
		t.Errorf("%+v", got)
	}
}

// TestStoreLeavesOthersAlone: what is not an index is never written to.
func TestStoreLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "accounts.db")
	db, err := sql.Open("sqlite", dsn(foreign))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE files (balance INTEGER)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"letter.txt": strings.Repeat("Dear reader, this is no database.\n", 100), "folder.db/": ""})

	for name, want := range map[string]string{
		"accounts.db": "another program", "letter.txt": "not a database", "folder.db": "folder.db",
	} {
		before, _ := os.ReadFile(filepath.Join(dir, name))
		if s, err := openStore(t.Context(), filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one with %q (store %v)", name, err, want, s)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, name)); string(after) != string(before) {
			t.Errorf("%s was changed", name)
		}
	}
}
