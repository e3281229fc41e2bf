package view

import (
	"fmt"
	"strings"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// Operations draws bulk operations with all that is known about them.
func (s Style) Operations(l *store.OperationList) string {
	p := &page{Style: s}
	if l.Total == 0 {
		return p.put(plain, "No bulk operation has run.").end().b.String()
	}
	p.put(plain, fmt.Sprintf("%d running, %d ended, at %s", l.Running, l.Total-l.Running, clock(l.AsOf, l.AsOf))).end()
	for i := range l.Operations {
		o := &l.Operations[i]
		p.end()
		if o.Ended == nil {
			p.put(strong, o.Name).to(p.col+2).put(busy, o.State)
			p.put(faint, " for "+rough(o.Seconds)+trace(o.TraceID)).end()
			p.bar(o)
		} else {
			p.ended(o, l)
		}
		p.reasons(o, l)
	}
	if l.Truncated {
		p.end().put(faint, fmt.Sprintf("and %d more", l.Total-len(l.Operations))).end()
	}
	return p.b.String()
}

func trace(id string) string {
	if id == "" {
		return ""
	}
	return ", trace" + joint + short(id)
}

const mostBar = 40

// bar draws how far an operation is, and what limits it.
func (p *page) bar(o *store.Operation) {
	p.to(2)
	if o.Progress.Known() {
		width := min(p.columns()/4, mostBar)
		full := int(float64(width) * min(max(float64(o.Progress), 0), 1))
		p.put(good, strings.Repeat("█", full)).put(faint, strings.Repeat("░", width-full))
		p.right(p.col+6, strong, figure.Percent(o.Progress)).to(p.col + 2)
	}
	amounts := amounts(o)
	if o.Progress.Known() {
		amounts = amounts[1:]
	}
	p.flow(2, plain, list(amounts...)).end()
	if o.Verdict != "" {
		p.to(2).flow(4, faint, "limited by "+o.Verdict).end()
	}
}

// amounts are the figures of an operation that runs.
func amounts(o *store.Operation) []string {
	done := figure.Count(o.Done) + " done"
	if o.Total.Known() {
		done = figure.Count(o.Done) + " of " + figure.Count(o.Total)
	}
	all := []string{done}
	if o.Progress.Known() {
		all = []string{figure.Percent(o.Progress), done}
	}
	if o.Rate.Known() {
		all = append(all, figure.Count(o.Rate)+"/s")
	}
	if o.ETA.Known() {
		all = append(all, "about "+rough(o.ETA)+" left")
	}
	all = append(all, outcomes(o)...)
	if o.Stage != "" {
		all = append(all, "in "+o.Stage)
	}
	return all
}

func outcomes(o *store.Operation) (all []string) {
	if o.Failed > 0 {
		all = append(all, figure.Count(o.Failed)+" failed")
	}
	if o.Skipped > 0 {
		all = append(all, figure.Count(o.Skipped)+" skipped")
	}
	if o.Bytes > 0 {
		all = append(all, figure.Bytes(o.Bytes))
	}
	return all
}

// ended draws an operation that is over.
func (p *page) ended(o *store.Operation, l *store.OperationList) {
	done := figure.Count(o.Done)
	if o.Total.Known() && o.Total != o.Done {
		done += " of " + figure.Count(o.Total)
	}
	all := append([]string{done + " in " + figure.Seconds(o.Seconds)}, outcomes(o)...)
	if o.Rate > 0 { // where all was skipped, there is none
		all = append(all, figure.Count(o.Rate)+"/s")
	}
	indent := p.gap + 2
	p.put(strong, o.Name).to(p.col+2).put(toneOf(o.State), o.State)
	p.put(faint, " "+figure.Ago(l.AsOf.Sub(*o.Ended))).to(p.col+2).flow(indent, plain, list(all...)+trace(o.TraceID)).end()
}

// reasons draws what was said about an operation.
func (p *page) reasons(o *store.Operation, l *store.OperationList) {
	if o.Ended != nil && o.Verdict != "" {
		p.to(2).flow(4, faint, "was limited by "+o.Verdict).end()
	}
	if o.Message != "" && (o.State == store.StateFailed || o.State == store.StateCanceled) {
		p.to(2).flow(4, toneOf(o.State), o.Message).end()
	}
	for _, f := range o.Failures {
		p.to(2).put(faint, clock(f.Time, l.AsOf)).to(11).flow(11, plain, f.Message).put(faint, trace(f.TraceID)).end()
	}
}

// OperationLine draws an operation in one line, for a log.
func (s Style) OperationLine(o *store.Operation, l *store.OperationList) string {
	p := &page{Style: s}
	p.put(faint, clock(l.AsOf, l.AsOf)).to(0)
	if o.Ended != nil {
		p.ended(o, l)
		return p.b.String()
	}
	return p.put(strong, o.Name).to(0).put(busy, o.State).put(plain, ": "+strings.Join(amounts(o), ", ")).end().b.String()
}
