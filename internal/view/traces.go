package view

import (
	"fmt"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// Traces draws a list of traces under a title.
func (s Style) Traces(title string, l *store.TraceList) string {
	p := &page{Style: s}
	p.put(strong, title).to(p.col+2).put(faint, fmt.Sprintf("%d of %d since %s", len(l.Traces), l.Total, clock(l.Since, l.AsOf))).end()
	if len(l.Traces) == 0 {
		return p.b.String()
	}
	p.to(2).put(faint, "TRACE").to(12).put(faint, "START").right(33, faint, "TIME").right(40, faint, "SPANS").right(48, faint, "FAILED").to(50).put(faint, "NAME").end()
	for i := range l.Traces {
		t := &l.Traces[i]
		p.to(2).put(strong, short(t.TraceID)).to(12).put(faint, clock(t.Start, l.AsOf)).right(33, plain, figure.Seconds(t.Seconds))
		p.right(40, plain, fmt.Sprint(t.Spans))
		if t.Errors > 0 {
			p.right(48, bad, fmt.Sprint(t.Errors))
		}
		p.to(50).put(plain, t.Name)
		if t.Running > 0 {
			p.to(0).put(busy, fmt.Sprintf("(%d running)", t.Running))
		}
		p.end()
	}
	return p.b.String()
}
