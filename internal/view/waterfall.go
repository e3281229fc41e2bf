package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// Columns of a waterfall: the name takes two fifths, the bars what is left.
const (
	selfColumns  = 10
	mostDepth    = 12
	mostUnfolded = 5 // siblings of one name that went well
	mostWaited   = 3
	leastShare   = 0.01
)

// Trace draws a trace over time, with what it waited for.
func (s Style) Trace(t *store.Trace) string {
	p := &page{Style: s}
	t.Spans = slices.DeleteFunc(t.Spans, func(s *store.Span) bool { return s == nil }) // JSON may have null
	p.put(strong, t.Name).to(p.col+2).put(faint, t.TraceID).end()
	about := fmt.Sprintf("%s, %d spans", figure.Seconds(t.Seconds), len(t.Spans))
	if t.Errors > 0 {
		about += fmt.Sprintf(", %d failed", t.Errors)
	}
	if t.Running > 0 {
		about += fmt.Sprintf(", %d running", t.Running)
	}
	p.flow(0, plain, about+", from "+clock(t.Start, t.AsOf)+t.Start.Format(".000")).end()
	if t.Partial || t.Truncated {
		p.flow(0, warn, "Not all of its spans are kept; complete since "+clock(t.Since, t.AsOf)+".").end()
	}
	p.waited(t)
	if len(t.Spans) > 0 {
		p.spans(t)
	}
	if len(t.Logs) > 0 {
		p.head("LOGS", "")
		for i := range t.Logs {
			p.record(withoutTrace(t.Logs[i]), t.AsOf)
		}
	}
	return p.b.String()
}

func withoutTrace(r store.LogRecord) *store.LogRecord {
	r.TraceID = ""
	return &r
}

// waited names the spans that the trace spent its time on.
func (p *page) waited(t *store.Trace) {
	spent := map[string]store.Number{}
	for _, s := range t.Spans {
		spent[s.Name] += s.PathSeconds
	}
	names := slices.SortedFunc(maps.Keys(spent), func(a, b string) int {
		return cmp.Or(cmp.Compare(spent[b], spent[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, name := range names[:min(len(names), mostWaited)] {
		if share := spent[name] / t.Seconds; share >= leastShare {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", name, figure.Seconds(spent[name]), figure.Percent(min(share, 1))))
		}
	}
	if len(parts) > 0 {
		p.flow(2, plain, "It waited for "+strings.Join(parts, ", ")+".").end()
	}
}

func (p *page) spans(t *store.Trace) {
	name := p.columns() * 2 / 5
	p.end().put(faint, "● critical path").right(name+selfColumns, faint, "TIME").right(name+2*selfColumns, faint, "SELF")
	p.right(p.columns()-1, faint, figure.Seconds(t.Seconds)).end()
	for i := 0; i < len(t.Spans); {
		n := alike(t.Spans[i:])
		if n <= mostUnfolded {
			p.span(t, t.Spans[i], name)
			i++
			continue
		}
		p.folded(t.Spans[i:i+n], name)
		i += n
	}
}

// alike counts the siblings of one name that follow each other, went well and
// have no children.
func alike(spans []*store.Span) int {
	first := spans[0]
	n := 0
	for n < len(spans) {
		s := spans[n]
		if s.Status == "error" || s.Running() || s.Name != first.Name || s.ParentID != first.ParentID || s.Depth != first.Depth {
			break
		}
		n++
	}
	if n > 0 && n < len(spans) && spans[n].Depth > first.Depth {
		n-- // the last one has children
	}
	return n
}

func (p *page) folded(spans []*store.Span, name int) {
	var all, longest store.Number
	marked := ""
	for _, s := range spans {
		all, longest = all+s.Seconds, max(longest, s.Seconds)
		if s.OnPath {
			marked = "●"
		}
	}
	p.put(warn, marked).to(2 + 2*min(spans[0].Depth, mostDepth))
	p.put(plain, cut(fmt.Sprintf("%d × %s", len(spans), spans[0].Name), name-p.gap-p.col)).right(name+selfColumns, plain, figure.Seconds(all))
	p.to(name+2*selfColumns+2).put(faint, "the longest "+figure.Seconds(longest)).end()
}

func (p *page) span(t *store.Trace, s *store.Span, name int) {
	c := plain
	switch {
	case s.Status == "error":
		c = bad
	case s.Running():
		c = busy
	case s.OnPath:
		c = strong
	}
	if s.OnPath {
		p.put(warn, "●")
	}
	indent := 2 + 2*min(s.Depth, mostDepth)
	p.to(indent).put(c, cut(store.CleanLine(s.Name), max(name-indent, 8)))
	p.right(name+selfColumns, plain, figure.Seconds(s.Seconds)).right(name+2*selfColumns, faint, figure.Seconds(s.Self))
	p.drawn(t, s, c, name+2*selfColumns+2)
	if s.Status == "error" || s.Message != "" {
		p.to(indent+2).flow(indent+2, bad, cmp.Or(s.Message, strings.TrimSpace("failed "+s.Attributes.Get("error.type")))).end()
	}
}

// drawn puts the span's time beside those of the others.
func (p *page) drawn(t *store.Trace, s *store.Span, c tone, left int) {
	width := p.columns() - left - 1
	whole := float64(t.Seconds)
	if width < 4 || whole <= 0 {
		p.end()
		return
	}
	from := int(s.Start.Sub(t.Start).Seconds() / whole * float64(width))
	from = min(max(from, 0), width-1)
	long := int(float64(s.Seconds)/whole*float64(width) + 0.5)
	long = min(max(long, 1), width-from)
	block := "─"
	if s.OnPath {
		block = "━"
	}
	p.to(left+from).put(c, strings.Repeat(block, long))
	if s.Running() {
		p.put(c, "▸")
	}
	p.end()
}
