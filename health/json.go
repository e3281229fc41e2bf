package health

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

type jsonAnswer struct {
	Probe    string      `json:"probe"`
	State    State       `json:"state"`
	Draining bool        `json:"draining,omitempty"`
	Warning  string      `json:"warning,omitempty"`
	Note     string      `json:"note,omitempty"`
	Checks   []jsonCheck `json:"checks,omitempty"`
}

type jsonCheck struct {
	Name     string `json:"name"`
	State    State  `json:"state"`
	Critical bool   `json:"critical"`
	Excluded bool   `json:"excluded,omitempty"`
	Reason   Reason `json:"reason,omitempty"`
	Because  string `json:"suppressed_by,omitempty"`
	Flapping bool   `json:"flapping,omitempty"`
	Muted    bool   `json:"muted,omitempty"`
	*jsonDetails
}

type jsonDetails struct {
	Message        string         `json:"message,omitempty"`
	Details        map[string]any `json:"details,omitempty"`
	Since          time.Time      `json:"since"`
	Timestamp      time.Time      `json:"timestamp"`
	LastCompletion time.Time      `json:"last_completion,omitzero"`
	LastSuccess    time.Time      `json:"last_success,omitzero"`
	Seconds        float64        `json:"duration_seconds"`
	TraceID        string         `json:"trace_id,omitempty"`
	Found          string         `json:"found,omitempty"` // if that differs from state
	Streak         int            `json:"streak,omitempty"`
	DependsOn      []string       `json:"depends_on,omitempty"`
	Maintenance    string         `json:"maintenance,omitempty"`
	Runbook        string         `json:"runbook,omitempty"`
	Stack          string         `json:"stack,omitempty"`
}

func (a *answer) json() []byte {
	out := jsonAnswer{Probe: a.probe.endpoint(), State: a.verdict, Draining: a.draining()}
	if a.verbose {
		out.Note = strings.Join(a.notes(), "; ")
		out.Checks = make([]jsonCheck, len(a.results))
		if len(a.unknown) > 0 {
			out.Warning = a.warning()
		}
		for i, r := range a.results {
			out.Checks[i] = a.jsonCheck(r)
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return []byte(`{"warning":"the answer could not be encoded"}`)
	}
	return append(body, '\n')
}

func (a *answer) jsonCheck(r *Result) jsonCheck {
	c := jsonCheck{
		Name: r.Name, State: r.State, Critical: r.Critical, Excluded: a.excluded[r.Name], Reason: r.Reason,
		Because: r.SuppressedBy, Flapping: r.Flapping, Muted: r.Muted(),
	}
	if !a.detailed {
		return c
	}
	c.jsonDetails = &jsonDetails{
		Message: r.Message, Details: jsonFacts(r.Details),
		Since: r.Since.UTC(), Timestamp: r.Timestamp.UTC(),
		LastCompletion: r.LastCompletion.UTC(), LastSuccess: r.LastSuccess.UTC(),
		Seconds: r.Duration.Seconds(), Streak: r.Streak, DependsOn: r.DependsOn,
		Maintenance: r.Maintenance, Runbook: r.Runbook, Stack: r.Stack,
	}
	if r.Streak > 0 {
		c.Found = r.Found.String()
	}
	if r.Span.IsValid() {
		c.TraceID = r.Span.TraceID().String()
	}
	return c
}

func jsonFacts(facts attribute.Set) map[string]any {
	out := make(map[string]any, facts.Len())
	for _, kv := range facts.ToSlice() {
		out[string(kv.Key)] = kv.Value.AsInterface()
		if f := kv.Value.AsFloat64(); kv.Value.Type() == attribute.FLOAT64 && (math.IsNaN(f) || math.IsInf(f, 0)) {
			out[string(kv.Key)] = kv.Value.String() // JSON has no such number
		}
	}
	return out
}

// healthAnswer is draft-inadarei-api-health-check-06: pass and warn go with a
// status below 400, fail with one above.
type healthAnswer struct {
	Status string                   `json:"status"`
	Notes  []string                 `json:"notes,omitempty"`
	Output string                   `json:"output,omitempty"`
	Checks map[string][]healthCheck `json:"checks,omitempty"`
}

type healthCheck struct {
	Status string            `json:"status"`
	Output string            `json:"output,omitempty"` // not when passing
	Time   time.Time         `json:"time,omitzero"`
	Value  *float64          `json:"observedValue,omitempty"`
	Unit   string            `json:"observedUnit,omitempty"`
	Links  map[string]string `json:"links,omitempty"`
}

func (a *answer) healthJSON() []byte {
	out := healthAnswer{Status: passOrFail(a.verdict)}
	if a.draining() {
		out.Output = "draining"
	}
	if a.verbose {
		out.Checks = make(map[string][]healthCheck, len(a.results))
		if len(a.unknown) > 0 {
			out.Notes = append(out.Notes, a.warning())
		}
		out.Notes = append(out.Notes, a.notes()...)
		for _, r := range a.results {
			if !a.excluded[r.Name] {
				out.Checks[r.Name] = []healthCheck{a.healthCheck(r)}
			}
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return []byte(`{"status":"` + out.Status + `"}`)
	}
	return append(body, '\n')
}

func (a *answer) healthCheck(r *Result) healthCheck {
	c := healthCheck{Status: passOrFail(r.weight(a.probe)), Output: string(r.Reason)}
	if !a.detailed {
		return c
	}
	if r.Message != "" && c.Output != "" {
		c.Output += ": " + r.Message
	}
	seconds := r.Duration.Seconds()
	c.Time, c.Value, c.Unit = r.Timestamp.UTC(), &seconds, "s"
	if r.Runbook != "" {
		c.Links = map[string]string{"describedby": r.Runbook}
	}
	return c
}

func passOrFail(s State) string {
	switch s {
	case StateHealthy:
		return "pass"
	case StateDegraded:
		return "warn"
	case StateUnhealthy, StateUnknown:
	}
	return "fail"
}
