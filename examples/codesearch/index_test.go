package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
)

// tally is what the tests say of a run.
type tally struct{ total, ok, failed, skipped int64 }

func index(t *testing.T, s *store, source fs.FS) tally {
	t.Helper()
	got, err := (&indexer{store: s, source: source, root: "/tree"}).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Result != bulk.Completed || got.Items() != got.Total {
		t.Errorf("%s with %d of %d items", got.Result, got.Items(), got.Total)
	}
	return tally{got.Total, got.OK, got.Failed, got.Skipped}
}

func indexed(t *testing.T, s *store) []string {
	t.Helper()
	known, err := s.stamps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(known))
}

// finds lists the files that a search finds, the best first.
func finds(t *testing.T, s *store, input string) []string {
	t.Helper()
	q, fault := parseQuery(input)
	if fault != "" {
		t.Fatal(fault)
	}
	results, total, err := s.find(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if total < len(results) {
		t.Errorf("%d results of %d", len(results), total)
	}
	paths := []string{}
	for _, r := range results {
		paths = append(paths, r.Path)
	}
	return paths
}

// TestIndexFindsWhatFindFinds compares with a walk of its own over a real tree.
func TestIndexFindsWhatFindFinds(t *testing.T) {
	root, err := sourceRoot(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	root = filepath.Join(root, "go", "parser") // it has a folder that is named not_a_file.go
	var want []string
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && filepath.Ext(path) == ".go" {
			name, _ := filepath.Rel(root, path)
			want = append(want, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil || len(want) < 10 {
		t.Fatalf("%d files, %v", len(want), err)
	}
	slices.Sort(want)

	s := newStore(t)
	n := int64(len(want))
	if got := index(t, s, os.DirFS(root)); got != (tally{total: n, ok: n}) {
		t.Errorf("%+v, want all of %d indexed", got, n)
	}
	if got := indexed(t, s); !slices.Equal(got, want) {
		t.Errorf("indexed %d files, found %d", len(got), n)
	}
	if got := index(t, s, os.DirFS(root)); got != (tally{total: n, skipped: n}) {
		t.Errorf("the second time %+v, want all of %d skipped", got, n)
	}
	if got := finds(t, s, "ParseFile"); len(got) < 2 || got[0] != "interface.go" {
		t.Errorf("ParseFile is found in %q, want first where it is declared", got)
	}
}

func TestIndexOnlyWhatChanged(t *testing.T) {
	s := newStore(t)
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	tree := fstest.MapFS{
		"same.go":         {Data: []byte("package same"), ModTime: noon},
		"touched.go":      {Data: []byte("package touched"), ModTime: noon},
		"edited.go":       {Data: []byte("package before"), ModTime: noon},
		"sub/removed.go":  {Data: []byte("package removed"), ModTime: noon},
		"becomesbad.go":   {Data: []byte("package becomesbad"), ModTime: noon},
		"notes.txt":       {Data: []byte("not Go")},
		"folder.go/in.go": {Data: []byte("package folder"), ModTime: noon},
		"link.go":         {Data: []byte("same.go"), Mode: fs.ModeSymlink},
	}
	if got := index(t, s, tree); got != (tally{total: 6, ok: 6}) {
		t.Fatalf("%+v", got)
	}

	later := noon.Add(time.Hour)
	tree["touched.go"] = &fstest.MapFile{Data: []byte("package touched"), ModTime: later}
	tree["edited.go"] = &fstest.MapFile{Data: []byte("package afters"), ModTime: later} // of the same size
	tree["becomesbad.go"] = &fstest.MapFile{Data: []byte("package \xff"), ModTime: later}
	tree["new.go"] = &fstest.MapFile{Data: []byte("package brandnew"), ModTime: later}
	delete(tree, "sub/removed.go")
	if got := index(t, s, tree); got != (tally{total: 6, ok: 2, skipped: 4}) {
		t.Errorf("after the changes %+v", got)
	}
	if got, want := indexed(t, s), []string{"edited.go", "folder.go/in.go", "new.go", "same.go", "touched.go"}; !slices.Equal(got, want) {
		t.Errorf("indexed %q, want %q", got, want)
	}
	if known, err := s.stamps(t.Context()); err != nil || !known["touched.go"].mtime.Equal(later) {
		t.Errorf("the new time of the same content is forgotten, and it will be read again (%v)", err)
	}
	for word, want := range map[string][]string{
		"afters": {"edited.go"}, "before": {}, "brandnew": {"new.go"}, "removed": {}, "becomesbad": {}, "touched": {"touched.go"},
	} {
		if got := finds(t, s, word); !slices.Equal(got, want) {
			t.Errorf("%q is found in %q, want %q", word, got, want)
		}
	}
	if got := index(t, s, tree); got != (tally{total: 6, skipped: 6}) {
		t.Errorf("without changes %+v", got)
	}
}

// TestTheBestAreShown: of more than fit, those that declare what is looked for,
// wherever they stand.
func TestTheBestAreShown(t *testing.T) {
	tree := fstest.MapFS{"z.go": {Data: []byte("package z\n\n// A long comment.\nfunc Needle() {}\n")}}
	for i := range 2 * maxResults {
		tree[fmt.Sprintf("a%02d.go", i)] = &fstest.MapFile{Data: []byte("package a // needle\n")}
	}
	s := newStore(t)
	index(t, s, tree)
	if got := finds(t, s, "needle"); len(got) != maxResults || got[0] != "z.go" {
		t.Errorf("found %q", got)
	}
}

// TestIndexOfAnotherRoot: equal times and sizes mean nothing there.
func TestIndexOfAnotherRoot(t *testing.T) {
	s := newStore(t)
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	index(t, s, fstest.MapFS{
		"a.go": {Data: []byte("package first"), ModTime: noon}, "b.go": {Data: []byte("package equal"), ModTime: noon},
	})
	other := indexer{store: s, root: "/other", source: fstest.MapFS{
		"a.go": {Data: []byte("package other"), ModTime: noon}, "b.go": {Data: []byte("package equal"), ModTime: noon},
	}}
	got, err := other.run(t.Context())
	if err != nil || got.OK != 1 || got.Skipped != 1 {
		t.Errorf("%+v, %v; want one indexed and one of the same content", got, err)
	}
	if got := finds(t, s, "other"); !slices.Equal(got, []string{"a.go"}) {
		t.Errorf("found in %q", got)
	}
}

// gate is a tree that lets only so many files be opened and then waits.
type gate struct {
	fs.FS
	open chan struct{}
	shut <-chan struct{}
}

func (g gate) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".go") {
		select {
		case g.open <- struct{}{}:
		case <-g.shut:
			return nil, errors.New("shut")
		}
	}
	return g.FS.Open(name)
}

func TestIndexResumesAfterCancel(t *testing.T) {
	const files = 400
	tree := fstest.MapFS{}
	for i := range files {
		tree[fmt.Sprintf("f%03d.go", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "package number%03d", i)}
	}
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g := gate{FS: tree, open: make(chan struct{}), shut: ctx.Done()}
	go func() {
		for range files / 2 {
			<-g.open
		}
		cancel()
	}()
	first, err := (&indexer{store: s, source: g, root: "/tree"}).run(ctx)
	if !errors.Is(err, context.Canceled) || first.Result != bulk.Canceled {
		t.Fatalf("%v, result %s", err, first.Result)
	}
	if first.OK <= batchFiles || first.OK > files/2 || int(first.OK) != len(indexed(t, s)) {
		t.Errorf("counted %d, indexed %d: what was read must be stored and counted", first.OK, len(indexed(t, s)))
	}
	if at, err := s.finished(t.Context()); err != nil || !at.IsZero() {
		t.Errorf("a run that was cut short counts as finished at %v (%v)", at, err)
	}
	if got := index(t, s, tree); got != (tally{total: files, ok: files - first.OK, skipped: first.OK}) {
		t.Errorf("the second run did %+v after %d", got, first.OK)
	}
	if at, err := s.finished(t.Context()); err != nil || at.IsZero() {
		t.Errorf("finished at %v (%v)", at, err)
	}
}

// faulty is a tree with a folder and a file that cannot be read.
type faulty struct{ fstest.MapFS }

func (f faulty) Open(name string) (fs.File, error) {
	if name == "locked.go" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.Open(name)
}

func (f faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "private" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.ReadDir(name)
}

func TestIndexSurvivesBadFiles(t *testing.T) {
	s := newStore(t)
	tree := fstest.MapFS{
		"good.go": {Data: []byte("package good")}, "locked.go": {Data: []byte("package locked")},
		"binary.go": {Data: []byte{0, 1, 2}}, "huge.go": {Data: make([]byte, maxFileSize+1)}, "empty.go": {},
		"private/inside.go": {Data: []byte("package inside")},
	}
	// With the folder readable at first, what is in it is known.
	if got := index(t, s, tree); got != (tally{total: 6, ok: 4, skipped: 2}) {
		t.Errorf("%+v", got)
	}
	tree["locked.go"] = &fstest.MapFile{Data: []byte("package lockedanew"), ModTime: time.Unix(1, 0)}
	if got := index(t, s, faulty{tree}); got != (tally{total: 6, failed: 2, skipped: 4}) {
		t.Errorf("%+v, want the file and the folder failed", got)
	}
	if got := finds(t, s, "inside"); !slices.Equal(got, []string{"private/inside.go"}) {
		t.Errorf("found %q: what may hide in an unreadable folder is not gone", got)
	}
}

func TestIndexWithoutRoot(t *testing.T) {
	s := newStore(t)
	index(t, s, fstest.MapFS{"a.go": {Data: []byte("package aaa")}})
	gone := indexer{store: s, root: "/tree", source: os.DirFS(filepath.Join(t.TempDir(), "gone"))}
	if _, err := gone.run(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if len(indexed(t, s)) != 1 {
		t.Error("the index was emptied because its root could not be seen")
	}
}

// TestIndexIntoBrokenDatabase: the writer's failure must let the readers go.
func TestIndexIntoBrokenDatabase(t *testing.T) {
	tree := fstest.MapFS{}
	for i := range 10 * batchFiles {
		tree[fmt.Sprintf("f%d.go", i)] = &fstest.MapFile{Data: []byte("package aaa")}
	}
	s := newStore(t)
	if _, err := s.write.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON files BEGIN SELECT RAISE(FAIL, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	got, err := (&indexer{store: s, source: tree, root: "/tree"}).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "disk full") || got.Result != bulk.Failed || got.OK != 0 {
		t.Errorf("%v, result %s, %d ok", err, got.Result, got.OK)
	}
}
