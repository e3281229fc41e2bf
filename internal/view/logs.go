package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// Logs draws records as they come, the newest last.
func (s Style) Logs(l *store.LogList) string {
	p := &page{Style: s}
	for i := len(l.Logs) - 1; i >= 0; i-- {
		p.record(&l.Logs[i], l.AsOf)
	}
	return p.b.String()
}

const logIndent = 20

func (p *page) record(r *store.LogRecord, now time.Time) {
	p.put(faint, clock(r.Time, now)+r.Time.Format(".000")).to(13).put(toneOf(r.Level), strings.ToUpper(r.Level)).to(19)
	p.flow(logIndent, plain, r.Body)
	var rest []string
	if r.Event != "" {
		rest = append(rest, "event="+quoted(r.Event))
	}
	if r.Scope != keys.ScopeBulk && r.Scope != keys.ScopeHealth { // their sentences say it all
		for _, a := range r.Attributes {
			rest = append(rest, a.Key+"="+quoted(a.Text()))
		}
	}
	switch {
	case r.TraceID == "":
	case p.Width == 0:
		rest = append(rest, "trace="+r.TraceID)
	default:
		rest = append(rest, "trace="+short(r.TraceID))
	}
	if len(rest) > 0 {
		p.to(0).flow(logIndent, faint, strings.Join(rest, " "))
	}
	p.end()
}

// quoted keeps a value with spaces one word for other programs.
func quoted(value string) string {
	if value == "" || strings.ContainsAny(value, " \n\t\"=") {
		return fmt.Sprintf("%q", store.CleanLine(value))
	}
	return value
}

// Patterns draws what records have in common.
func (s Style) Patterns(l *store.PatternList) string {
	p := &page{Style: s}
	if l.Total == 0 {
		return p.put(plain, "No record matches.").end().b.String()
	}
	p.put(plain, fmt.Sprintf("%s patterns in %s records since %s", figure.Count(store.Number(l.Total)),
		figure.Count(store.Number(l.Records)), clock(l.Since, l.AsOf))).end().end()
	p.right(7, faint, "COUNT").to(9).put(faint, "LEVEL").to(15).put(faint, "LAST").to(26).put(faint, "PATTERN").end()
	for i := range l.Patterns {
		r := &l.Patterns[i]
		p.right(7, strong, figure.Count(store.Number(r.Count))).to(9).put(toneOf(r.Level), r.Level)
		p.to(15).put(faint, figure.Ago(l.AsOf.Sub(r.Last))).to(26).flow(26, plain, r.Template)
		if r.TraceID != "" {
			p.to(0).flow(26, faint, "trace="+short(r.TraceID))
		}
		p.end()
	}
	if l.Truncated {
		p.put(faint, fmt.Sprintf("and %d more", l.Total-len(l.Patterns))).end()
	}
	return p.b.String()
}
