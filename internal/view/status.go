package view

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// Status is what is to know about a program at a glance.
type Status struct {
	Summary    store.Summary
	Health     store.Health
	Operations store.OperationList
	Diagnosis  *diagnosis.Report // nil, as is Delivery, when the console did not tell
	Delivery   *store.Delivery
	Failed     store.TraceList // the newest, as is the next
	Errors     store.LogList
	Faults     []string // what could not be had, and why
}

// State is the verdict about the program: that of its diagnosis if there is one.
func (s *Status) State() string {
	if s.Diagnosis != nil {
		return s.Diagnosis.Status
	}
	return s.Health.State
}

// Well tells whether nothing is known to be wrong. A program with checks has to
// be known to be healthy.
func (s *Status) Well() bool {
	return s.State() == store.StateHealthy || (s.State() == store.StateUnknown && len(s.Health.Checks) == 0)
}

// Limits of a screen.
const (
	mostRunning  = 6
	mostEnded    = 3
	mostEvidence = 3
)

// Status draws everything, what is wrong first.
func (s Style) Status(st *Status) string {
	p := &page{Style: s}
	p.put(strong, cmp.Or(st.Summary.Service, "a service without a name"))
	if st.Summary.Version != "" {
		p.to(0).put(plain, st.Summary.Version)
	}
	p.to(p.col+2).put(toneOf(st.State()), strings.ToUpper(st.State()))
	p.to(p.col+2).put(faint, "up "+rough(store.Number(st.Summary.AsOf.Sub(st.Summary.Started).Seconds()))+
		", at "+clock(st.Summary.AsOf, st.Summary.AsOf)).end()
	for _, fault := range st.Faults {
		p.flow(2, warn, fault).end()
	}
	p.findings(st.Diagnosis)
	p.checks(&st.Health)
	p.glance(&st.Operations)
	p.delivery(st.Delivery)
	p.errors(st)
	return p.b.String()
}

// head begins a part.
func (p *page) head(title, about string) {
	p.end().put(strong, title)
	p.to(p.col+2).put(faint, about).end()
}

func (p *page) findings(r *diagnosis.Report) {
	if r == nil {
		return
	}
	if len(r.Findings) == 0 {
		p.flow(0, plain, r.Summary).end()
		return
	}
	p.head("FINDINGS", "the most likely cause first")
	for i := range r.Findings {
		f := &r.Findings[i]
		p.to(2).put(toneOf(f.Severity), f.Severity).to(12).put(strong, f.Component)
		p.to(p.col+2).put(faint, fmt.Sprintf("%s, %s, %s sure", f.Kind, figure.Ago(r.AsOf.Sub(f.FirstSeen)), figure.Percent(f.Confidence))).end()
		p.to(12).flow(12, plain, cmp.Or(f.Summary, f.Cause)).end()
		if f.Cause != "" && f.Summary != "" && f.Cause != f.Summary {
			p.to(12).flow(12, plain, f.Cause).end()
		}
		if len(f.Consequences) > 0 {
			p.to(12).flow(12, faint, "explains "+strings.Join(f.Consequences, ", ")).end()
		}
		for _, e := range f.Evidence[:min(len(f.Evidence), mostEvidence)] {
			if e.Type == diagnosis.ByCheck {
				continue // it is below
			}
			p.to(12).flow(14, faint, "- "+evidence(&e)).end()
		}
	}
	if more := r.Total - len(r.Findings); more > 0 {
		p.to(12).put(faint, fmt.Sprintf("and %d more", more)).end()
	}
}

// evidence is what the console's page has of it, in a line.
func evidence(e *diagnosis.Evidence) string {
	text := e.Type + " " + e.Ref + ": " + e.Text
	switch e.Type {
	case diagnosis.ByTrace:
		text = e.Type + " " + short(e.Ref) + ": " + e.Text
	case diagnosis.ByDelivery: // whose sentence has the figures
		return e.Type + ": " + e.Text
	case diagnosis.ByLog: // which is found by its own words
		return fmt.Sprintf("%s, %s times: %s", e.Type, figure.Count(e.Value), e.Text)
	}
	if e.Value.Known() {
		text += ", " + figure.Value(e.Value, e.Unit)
	}
	if e.Baseline.Known() {
		text += ", usually " + figure.Value(e.Baseline, e.Unit)
	}
	return text
}

func (p *page) checks(h *store.Health) {
	if len(h.Checks) == 0 {
		p.head("CHECKS", "none")
		return
	}
	var wrong int
	var healthy []string
	for i := range h.Checks {
		if h.Checks[i].State == store.StateHealthy {
			healthy = append(healthy, h.Checks[i].Name)
		} else {
			wrong++
		}
	}
	p.head("CHECKS", fmt.Sprintf("%d of %d healthy", len(healthy), len(h.Checks)))
	for i := range h.Checks[:min(wrong, len(h.Checks))] {
		p.check(&h.Checks[i], h)
	}
	if len(healthy) > 0 {
		p.to(2).put(good, store.StateHealthy).to(13).flow(13, plain, strings.Join(healthy, ", ")).end()
	}
}

func (p *page) check(c *store.Check, h *store.Health) {
	var about []string
	if c.Since != nil {
		about = append(about, "for "+rough(store.Number(h.AsOf.Sub(*c.Since).Seconds())))
	}
	for _, mark := range []struct {
		word string
		is   bool
	}{{"critical", c.Critical}, {"flapping", c.Flapping}, {"muted", c.Muted}} {
		if mark.is {
			about = append(about, mark.word)
		}
	}
	if c.TraceID != "" {
		about = append(about, "trace "+short(c.TraceID))
	}
	p.to(2).put(toneOf(c.State), c.State).to(13).put(strong, c.Name)
	p.to(p.col+2).put(faint, strings.Join(about, ", ")).end()
	if c.Message != "" {
		p.to(13).flow(13, plain, c.Message).end()
	}
	switch {
	case len(c.Explains) > 0:
		p.to(13).flow(13, strong, "root cause, explains "+strings.Join(c.Explains, ", ")).end()
	case c.SuppressedBy != "":
		p.to(13).flow(13, faint, "because of "+c.SuppressedBy).end()
	case len(c.DependsOn) > 0:
		p.to(13).flow(13, faint, "depends on "+strings.Join(c.DependsOn, ", ")).end()
	}
}

// glance draws operations, a line or two each.
func (p *page) glance(l *store.OperationList) {
	if l.Total == 0 {
		return
	}
	p.head("OPERATIONS", fmt.Sprintf("%d running, %d ended", l.Running, l.Total-l.Running))
	ended := 0
	for i := range l.Operations {
		o := &l.Operations[i]
		switch {
		case o.Ended == nil && i < mostRunning:
			p.to(2).put(strong, o.Name).end()
			p.bar(o)
		case o.Ended != nil && ended < mostEnded:
			ended++
			p.to(2).ended(o, l)
		}
	}
}

func (p *page) delivery(d *store.Delivery) {
	if d == nil {
		return
	}
	p.head("TELEMETRY", "")
	p.to(2).put(toneOf(d.Verdict), strings.ReplaceAll(d.Verdict, "_", " "))
	p.to(p.col+2).flow(4, plain, d.Reason).end()
	if len(d.Accounts) == 0 {
		return
	}
	for i, title := range []string{"created", "delivered", "waiting", "lost"} {
		p.right(24+i*12, faint, title)
	}
	p.to(62).put(faint, "destination").end()
	for i := range d.Accounts {
		a := &d.Accounts[i]
		p.to(2).put(toneOf(a.Verdict), a.Signal)
		for i, n := range []store.Number{a.Created, a.Delivered, a.Pending, a.Lost} {
			p.right(24+i*12, plain, figure.Count(n))
		}
		p.to(62).put(faint, a.Destination).end()
	}
}

func (p *page) errors(s *Status) {
	if s.Summary.Failed+s.Summary.Problems == 0 {
		return
	}
	p.head("ERRORS", fmt.Sprintf("since the start, failed spans: %s, warnings and errors: %s",
		figure.Count(store.Number(s.Summary.Failed)), figure.Count(store.Number(s.Summary.Problems))))
	for i := range s.Failed.Traces {
		t := &s.Failed.Traces[i]
		p.to(2).put(faint, clock(t.Start, s.Failed.AsOf)).to(11).put(bad, "failed").to(18).put(faint, short(t.TraceID)).to(27).put(plain, t.Name).end()
	}
	for i := range s.Errors.Logs {
		r := &s.Errors.Logs[i]
		p.to(2).put(faint, clock(r.Time, s.Errors.AsOf)).to(11).put(toneOf(r.Level), r.Level).to(18).put(faint, short(r.TraceID)).to(27).put(plain, r.Body).end()
	}
}

// Line draws all in one line, for a log.
func (s Style) Line(st *Status) string {
	p := &page{Style: s}
	p.put(faint, clock(st.Summary.AsOf, st.Summary.AsOf)).to(0).put(plain, st.Summary.Service).to(0).put(toneOf(st.State()), st.State())
	if st.Diagnosis != nil && len(st.Diagnosis.Findings) > 0 {
		p.put(plain, ": "+st.Diagnosis.Findings[0].Summary)
	}
	for i := range st.Operations.Operations {
		if o := &st.Operations.Operations[i]; o.Ended == nil {
			p.put(plain, "; "+o.Name+" "+strings.Join(amounts(o), ", "))
		}
	}
	if d := st.Delivery; d != nil && toneOf(d.Verdict) != good && d.Verdict != store.DeliveryNotConfigured {
		p.put(plain, "; telemetry "+d.Verdict)
	}
	return p.end().b.String()
}
