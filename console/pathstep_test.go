package console

import (
	"fmt"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/console/store"
)

func TestPathStepsAreWhatTookLongest(t *testing.T) {
	on := func(name string, seconds float64) *store.Span {
		return &store.Span{Name: name, OnPath: true, PathSeconds: store.Number(seconds)}
	}
	beside := &store.Span{Name: "beside", PathSeconds: 9}
	for name, tc := range map[string]struct {
		spans []*store.Span
		whole float64
		want  string
	}{
		"one span":       {[]*store.Span{on("root", 1)}, 1, ""},
		"no time":        {[]*store.Span{on("root", 0), on("a", 0)}, 0, ""},
		"added up":       {[]*store.Span{on("root", 1), on("query", 2), beside, on("query", 3)}, 10, "2 query 50 %, 1 root 10 %"},
		"at most five":   {[]*store.Span{on("f", 1), on("e", 2), on("d", 3), on("c", 4), on("b", 5), on("a", 6)}, 20, "1 a 30 %, 1 b 25 %, 1 c 20 %, 1 d 15 %, 1 e 10 %"},
		"more than all":  {[]*store.Span{on("a", 3), beside}, 2, "1 a 100 %"},
		"nothing waited": {[]*store.Span{beside, beside}, 2, ""},
	} {
		var got []string
		for _, s := range pathSteps(store.Trace{Spans: tc.spans, Seconds: store.Number(tc.whole)}) {
			got = append(got, fmt.Sprintf("%d %s %.0f %%", s.Spans, s.Name, float64(s.Share*100)))
		}
		if s := strings.Join(got, ", "); s != tc.want {
			t.Errorf("%s: %s, want %s", name, s, tc.want)
		}
	}
}
