package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

func TestLongRunsOfSiblingsAreFolded(t *testing.T) {
	end := time.Now()
	row := func(name, parent string, depth int, status string) spanRow {
		return spanRow{Span: &store.Span{Name: name, ParentID: parent, Depth: depth, Status: status, End: &end, Seconds: 2}}
	}
	many := func(n int) []spanRow {
		rows := []spanRow{row("root", "", 0, "")}
		for range n {
			rows = append(rows, row("commit", "r", 1, ""))
		}
		return rows
	}
	failing := many(12)
	failing[12].Status = "error"
	running := many(11)
	running[3].End = nil
	for name, tc := range map[string]struct {
		rows []spanRow
		want string
	}{
		"none":                {nil, ""},
		"ten":                 {many(10), "1 1 1 1 1 1 1 1 1 1 1"},
		"eleven":              {many(11), "1 fold11"},
		"one failed":          {failing, "1 fold11 1"},
		"one runs":            {running, "1 1 1 1 1 1 1 1 1 1 1 1"},
		"last has a child":    {append(many(12), row("commit", "c", 2, "")), "1 fold11 1 1"},
		"of another parent":   {append(many(11), row("commit", "other", 1, "")), "1 fold11 1"},
		"children one by one": {[]spanRow{row("a", "", 0, ""), row("b", "a", 1, ""), row("c", "b", 2, "")}, "1 1 1"},
	} {
		var got []string
		for _, r := range runsOf(tc.rows) {
			if !r.Folded {
				got = append(got, fmt.Sprint(len(r.Rows)))
				continue
			}
			got = append(got, fmt.Sprintf("fold%d", len(r.Rows)))
			if r.Total != store.Number(2*len(r.Rows)) || r.Longest != 2 {
				t.Errorf("%s: total %v, longest %v", name, r.Total, r.Longest)
			}
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: %q, want %q", name, s, tc.want)
		}
	}
}

func TestFoldedRunShowsCountTotalAndLongest(t *testing.T) {
	r := newRig(t, Options{})
	ctx, root := r.Span(t.Context(), "import")
	for range 12 {
		_, s := r.Span(ctx, "commit")
		s.End()
	}
	root.End()
	body := get(r.Handler(), "/traces/"+traceID(root).String()).Body.String()
	if strings.Count(body, `<details class="fold">`) != 1 || !strings.Contains(body, "12 ×") || !strings.Contains(body, "longest") ||
		strings.Count(body, `class="chip mono">span `) != 13 {
		t.Errorf("%s", body)
	}
}
