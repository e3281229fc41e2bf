package diagnosis

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otelmon/otelmon-go/console/store"
)

// finding is a Finding on its way to the report.
type finding struct {
	Finding

	group *group       // whose spans it is about
	check *store.Check // that it is about
	op    *store.Operation
	said  string // the error texts that belong to it
	seen  int    // how often it was seen
}

// find makes a finding, a warning for now, from what is seen and why it likely is
// so.
func find(kind, component string, first time.Time, confidence float64, what, why string) *finding {
	return &finding{Finding: Finding{
		Kind: kind, Component: cut(component, maxComponent), Severity: Warning, FirstSeen: first.UTC(),
		Confidence: store.Number(confidence), Summary: cut(what, maxText), Cause: cut(why, maxText),
		Consequences: []string{}, Evidence: []Evidence{}, Next: []Step{},
	}}
}

// show adds evidence: its number and what is usual, NaN where there is none, in
// a unit of OpenTelemetry's conventions.
func (f *finding) show(sort, name string, at time.Time, text, unit string, value, usual float64) {
	if len(f.Evidence) < maxEvidence {
		f.Evidence = append(f.Evidence, Evidence{
			Type: sort, Ref: reference(name), Unit: unit, Value: store.Number(value), Baseline: store.Number(usual), At: at.UTC(), Text: cut(text, maxText),
		})
	}
}

// ask adds a step, with arguments as names and values in turn.
func (f *finding) ask(tool, reason string, arguments ...any) {
	if len(f.Next) == maxNext {
		return
	}
	step := Step{Tool: tool, Arguments: map[string]any{}, Reason: reason}
	for i := 0; i+1 < len(arguments); i += 2 {
		name, _ := arguments[i].(string)
		step.Arguments[name] = arguments[i+1]
		if text, ok := arguments[i+1].(string); ok {
			step.Arguments[name] = reference(text)
		}
	}
	f.Next = append(f.Next, step)
}

// reference cuts what something is found by: a part of it still finds it.
func reference(s string) string {
	s = store.CleanLine(s)
	if len(s) <= maxRef {
		return s
	}
	at := maxRef
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at]
}

// seriesRef names a series. One with many attributes is named by its instrument.
func seriesRef(name string, attributes store.Attributes) string {
	if len(attributes) == 0 {
		return name
	}
	parts := make([]string, len(attributes))
	for i, a := range attributes {
		parts[i] = a.Key + "=" + a.Text()
	}
	ref := name + "{" + strings.Join(parts, ", ") + "}"
	if len(ref) > maxRef {
		return name
	}
	return ref
}
