package main

import (
	"strings"
	"testing"
)

// shown writes lines as "number: text", with the hits in brackets.
func shown(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.Repeat("\n", min(b.Len(), 1)))
		b.WriteString(string(rune('0'+l.Number)) + ": ")
		for _, p := range l.Pieces {
			if p.Hit {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
	}
	return b.String()
}

func TestExcerpt(t *testing.T) {
	for name, test := range map[string]struct {
		body, want string
		marks      []string
	}{
		"nothing": {"package p\n", "", []string{"absent"}},
		"any case, several on a line": {
			"a Mutex and a mutex\r\n", "1: a [Mutex] and a [mutex]", []string{"MUTEX"},
		},
		"more different marks first, in the order of the file": {
			"one\ntwo\none\none two\none\n", "1: [one]\n2: [two]\n4: [one] [two]", []string{"one", "two"},
		},
		"a declaration beats uses": {
			"lock()\nlock()\nlock()\nlock()\nfunc lock() {\n", "1: [lock]()\n2: [lock]()\n5: func [lock]() {", []string{"lock"},
		},
		"overlapping marks":     {"abcdef\n", "1: [abcd]ef", []string{"cdef", "abcd"}},
		"no newline at the end": {"x := abc", "1: x := [abc]", []string{"abc"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shown(excerpt(test.body, test.marks)); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestExcerptOfLongLine(t *testing.T) {
	lines := excerpt(strings.Repeat("é", 5000)+"needle"+strings.Repeat("é", 5000), []string{"needle"})
	if len(lines) != 1 || len(lines[0].Text) > excerptWidth+4 || !strings.Contains(lines[0].Text, "éneedleé") {
		t.Errorf("got %+v", lines)
	}
	if strings.Contains(lines[0].Text, "�") {
		t.Error("a character was cut apart")
	}
}
