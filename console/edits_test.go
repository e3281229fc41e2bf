package console

import (
	"slices"
	"strings"
	"testing"
)

// carryOut does what the script does with edits.
func carryOut(lines []string, edits []edit) []string {
	lines = slices.Clone(lines)
	for _, e := range edits {
		lines = slices.Replace(lines, e.From, e.From+e.Count, e.Text...)
	}
	return lines
}

func TestEditsAreShort(t *testing.T) {
	for name, tc := range map[string]struct {
		old, now string
		edits    int
		lines    int // replaced or new ones
	}{
		"nothing":                     {"a b c", "a b c", 0, 0},
		"from nothing":                {"", "a b", 1, 2},
		"to nothing":                  {"a b", "", 1, 0},
		"one of many":                 {"a b c d e", "a b X d e", 1, 1},
		"two apart":                   {"a b c d e f", "a X c d Y f", 2, 2},
		"a row at the top":            {"head r1 r2 r3 foot", "head r0 r1 r2 r3 foot", 1, 1},
		"in at the top, out below":    {"head r1 r2 r3 foot", "head r0 r1 r2 foot", 2, 1},
		"one line moved":              {"a b c d e", "b c d e a", 2, 1},
		"repeated lines stay":         {"a / b / c /", "a / X / c /", 1, 1},
		"a shift of repeated lines":   {"( x ) ( y )", "( w ) ( x ) ( y )", 1, 3},
		"everything":                  {"a b c", "d e f", 1, 3},
		"the end of a table replaced": {"a b c", "a b d e", 1, 2},
	} {
		old, now := strings.Fields(tc.old), strings.Fields(tc.now)
		edits := editsOf(old, now)
		lines := 0
		for _, e := range edits {
			lines += len(e.Text)
		}
		if got := carryOut(old, edits); !slices.Equal(got, now) {
			t.Errorf("%s: %v makes %v of %v", name, edits, got, old)
		}
		if len(edits) != tc.edits || lines != tc.lines {
			t.Errorf("%s: %v, want %d edits with %d lines", name, edits, tc.edits, tc.lines)
		}
	}
}

func FuzzEdits(f *testing.F) {
	f.Add("a b c d", "b c a d d")
	f.Add("", "x")
	f.Add("a a b a a", "a b a a a b")
	f.Fuzz(func(t *testing.T, a, b string) {
		old, now := strings.Split(a, " "), strings.Split(b, " ")
		if got := carryOut(old, editsOf(old, now)); !slices.Equal(got, now) {
			t.Errorf("%v makes %q of %q", editsOf(old, now), got, old)
		}
	})
}
