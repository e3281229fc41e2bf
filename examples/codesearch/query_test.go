package main

import (
	"slices"
	"strings"
	"testing"
)

func TestParseQuery(t *testing.T) {
	for _, test := range []struct {
		input, match string
		marks        []string
	}{
		{"ListenAndServe", `"ListenAndServe"`, []string{"ListenAndServe"}},
		{"  context\tcanceled ", `"context" AND "canceled"`, []string{"context", "canceled"}},
		{`"func main("`, `"func main("`, []string{"func main("}},
		{`never "closed phrase`, `"never" AND "closed phrase"`, []string{"never", "closed phrase"}},
		{`abc"def"`, `"abc" AND "def"`, []string{"abc", "def"}},
		{"path:net/http Handler", `path : "net/http" AND "Handler"`, []string{"Handler"}},
		{`mutex -test -path:"go test"`, `("mutex") NOT ("test" OR path : "go test")`, []string{"mutex"}},
		{"a*b) NEAR(", `"a*b)" AND "NEAR("`, []string{"a*b)", "NEAR("}},
		{"日本語", `"日本語"`, []string{"日本語"}},
		{"***", `"***"`, []string{"***"}},
	} {
		q, fault := parseQuery(test.input)
		if fault != "" || q.match != test.match || !slices.Equal(q.marks, test.marks) {
			t.Errorf("%q is %q, marks %q, fault %q; want %q, %q", test.input, q.match, q.marks, fault, test.match, test.marks)
		}
	}
}

func TestParseQueryFaults(t *testing.T) {
	for input, want := range map[string]string{
		"":                           "Type something",
		" \t\n":                      "Type something",
		"if":                         "too short",
		`""`:                         "too short",
		"-":                          "too short",
		"path:":                      "too short",
		"long enough x":              "too short",
		"-only -without":             "what to leave out",
		strings.Repeat("abc ", 17):   "too many",
		strings.Repeat("x", 201):     "too long",
		"nul\x00byte":                "control characters",
		"escape\x1b[31m":             "control characters",
		"not utf-8 \xff\xfe":         "must be UTF-8",
		strings.Repeat(`-"abc" `, 9): "what to leave out",
	} {
		if q, fault := parseQuery(input); !strings.Contains(fault, want) {
			t.Errorf("%q: fault %q, want one with %q (match %q)", input, fault, want, q.match)
		}
	}
}

// FuzzSearch looks for input that the parser takes and the database refuses.
func FuzzSearch(f *testing.F) {
	for _, seed := range []string{
		"ListenAndServe", `"func main("`, "-test mutex", "path:net/http x", `""" OR """`, "NEAR(abc def)", "abc*", "^abc",
		"{path body}: abc", "abc + def", "abc AND NOT def", "'; DROP TABLE files; --", `abc"`, "\\\"abc", "İstanbul", "ﬁle",
	} {
		f.Add(seed)
	}
	s := newStore(f)
	body := "package main\n\nfunc main() { İstanbul(\"abc\") }\n"
	if _, err := s.apply(f.Context(), batch{save: []document{{path: "main.go", body: body, symbols: symbols(body)}}}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, input string) {
		q, fault := parseQuery(input)
		if fault != "" {
			return
		}
		results, _, err := s.find(t.Context(), q)
		if err != nil {
			t.Fatalf("%q became %q: %v", input, q.match, err)
		}
		for _, r := range results {
			for _, l := range r.Lines {
				whole := ""
				for _, p := range l.Pieces {
					whole += p.Text
				}
				if whole != l.Text || !strings.Contains(body, l.Text) {
					t.Errorf("%q: line %q is shown as %q", input, l.Text, whole)
				}
			}
		}
	})
}
