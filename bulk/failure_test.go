package bulk

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/otelmon/otelmon-go/internal/keys"
)

type circle struct{}

func (c circle) Error() string { return "circle" }
func (c circle) Unwrap() error { return c }

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestDescribe(t *testing.T) {
	path := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	tests := []struct {
		err                error
		kind, typ, message string
	}{
		{errors.New("row 17 of 200 is bad"), "row # of # is bad", "*errors.errorString", "row 17 of 200 is bad"},
		{fmt.Errorf("import: %w", errors.New("row 3 is bad")), "row # is bad", "*errors.errorString", "import: row 3 is bad"},
		{path, "file does not exist", "*errors.errorString", "open x: file does not exist"},
		{fmt.Errorf("x: %w", &nilError{"odd"}), "*bulk.nilError", "*bulk.nilError", "x: odd"},
		{circle{}, "bulk.circle", "bulk.circle", "circle"},
		{(*nilError)(nil), "broken", "*bulk.nilError", "error that panics when asked for its text"},
		{nil, "none", "_OTHER", "no error given"},
		{panicError{"boom"}, "panic", "panic", "panic: boom"},
	}
	for _, tt := range tests {
		if got, want := describe(tt.err), (failure{tt.kind, tt.typ, tt.message}); got != want {
			t.Errorf("describe(%#v) = %+v, want %+v", tt.err, got, want)
		}
	}
}

func TestDescribeIsBounded(t *testing.T) {
	f := describe(errors.New(strings.Repeat("ü", 1<<20)))
	if len(f.message) > 1024 || len(f.kind) > 64 {
		t.Errorf("message of %d and kind of %d bytes", len(f.message), len(f.kind))
	}
	if !utf8.ValidString(f.message) || !utf8.ValidString(f.kind) {
		t.Error("a character was split")
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add("row 17 is bad", 8)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if got := describe(errors.New(text)); len(got.message) > 1024 || len(got.kind) > 3*64 {
			t.Errorf("unbounded: %+v", got)
		}
		if n = max(n, 0); len(truncate(text, n)) > max(n, 0) {
			t.Errorf("truncate(%q, %d) = %q", text, n, truncate(text, n))
		}
	})
}

func TestFirstFailuresOfEachKindAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for i := range 50 {
			op.Fail(fmt.Errorf("row %d has no name", i))
		}
		op.Fail(errors.New("disk full"))
		op.End(nil)
		var said []string
		for _, r := range p.logs.named(keys.EventBulkItemFailed) {
			said = append(said, strings.TrimPrefix(r.Body().AsString(), "op: item failed: "))
		}
		want := []string{"row 0 has no name", "row 1 has no name", "row 2 has no name", "disk full"}
		if fmt.Sprint(said) != fmt.Sprint(want) {
			t.Errorf("reported %q, want %q", said, want)
		}
	})
}

func TestStormOfFailuresHidesARareKindForASecondOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		storm := errors.New("backend is down")
		for range 10 * looksPerSecond {
			op.Fail(storm)
		}
		op.Fail(errors.New("rare"))
		if n := len(p.logs.named(keys.EventBulkItemFailed)); n != samplesPerKind {
			t.Errorf("%d failures reported in the storm, want %d", n, samplesPerKind)
		}
		wait(time.Second)
		op.Fail(errors.New("rare"))
		if n := len(p.logs.named(keys.EventBulkItemFailed)); n != samplesPerKind+1 {
			t.Errorf("%d failures reported a second later, want the rare one too", n)
		}
		op.End(nil)
		if got := op.Snapshot().Failed; got != 10*looksPerSecond+2 {
			t.Errorf("failed = %d, want every one", got)
		}
	})
}

func TestReportedFailuresAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for second := range 1000 {
			for i := range 10 {
				op.Fail(errors.New(letters(second) + " " + letters(i)))
			}
			wait(time.Second)
		}
		op.End(nil)
		if n := len(p.logs.named(keys.EventBulkItemFailed)); n > (maxKinds+1)*samplesPerKind {
			t.Errorf("%d failures reported, want at most %d", n, (maxKinds+1)*samplesPerKind)
		}
	})
}
