package health

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"mime"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// text formats the answer as kube-apiserver does.
func (a *answer) text() []byte {
	if !a.verbose {
		if a.verdict == StateDegraded {
			return []byte("degraded")
		}
		return []byte("ok")
	}
	var b bytes.Buffer
	for _, r := range a.results {
		a.line(&b, r)
	}
	if len(a.unknown) > 0 {
		fmt.Fprintf(&b, "warn: %s\n", a.warning())
	}
	if note := a.note(); note != "" {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	switch {
	case a.failed():
		fmt.Fprintf(&b, "%s check failed\n", a.probe)
	case a.verdict == StateDegraded:
		fmt.Fprintf(&b, "%s check passed, degraded\n", a.probe)
	default:
		fmt.Fprintf(&b, "%s check passed\n", a.probe)
	}
	return b.Bytes()
}

func (a *answer) line(b *bytes.Buffer, r *Result) {
	if a.excluded[r.Name] {
		fmt.Fprintf(b, "[+]%s excluded: ok\n", r.Name)
		return
	}
	switch r.State {
	case StateHealthy:
		fmt.Fprintf(b, "[+]%s ok", r.Name)
	case StateDegraded:
		fmt.Fprintf(b, "[!]%s degraded", r.Name)
	case StateUnknown:
		fmt.Fprintf(b, "[?]%s unknown", r.Name)
	case StateUnhealthy:
		fmt.Fprintf(b, "[-]%s unhealthy", r.Name)
	}
	if r.Reason != "" {
		fmt.Fprintf(b, ": %s", r.Reason)
	}
	if a.detailed {
		a.details(b, r)
	}
	b.WriteByte('\n')
}

func (a *answer) details(b *bytes.Buffer, r *Result) {
	if r.Reason != "" {
		fmt.Fprintf(b, ": %s", oneLine(r.Message))
	}
	for _, kv := range r.Details.ToSlice() {
		fmt.Fprintf(b, " %s=%s", oneLine(string(kv.Key)), oneLine(figure(kv)))
	}
}

// note tells whoever misses the details how to get them.
func (a *answer) note() string {
	if a.detailed || len(a.results) == 0 {
		return ""
	}
	return "messages and details are withheld; the program allows them with health.ShowDetails"
}

// warning names at most a few of the names that came with the request.
func (a *answer) warning() string {
	const most = 8
	quoted := make([]string, 0, most)
	for _, name := range a.unknown[:min(most, len(a.unknown))] {
		quoted = append(quoted, strconv.QuoteToASCII(clip(name, 64)))
	}
	text := "some health checks cannot be excluded: no matches for " + strings.Join(quoted, ", ")
	if more := len(a.unknown) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// oneLine keeps foreign text from forging further lines.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

type jsonAnswer struct {
	Probe   string      `json:"probe"`
	State   State       `json:"state"`
	Warning string      `json:"warning,omitempty"`
	Note    string      `json:"note,omitempty"`
	Checks  []jsonCheck `json:"checks,omitempty"`
}

type jsonCheck struct {
	Name     string `json:"name"`
	State    State  `json:"state"`
	Critical bool   `json:"critical"`
	Excluded bool   `json:"excluded,omitempty"`
	Reason   Reason `json:"reason,omitempty"`
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
}

func (a *answer) json() []byte {
	out := jsonAnswer{Probe: a.probe, State: a.verdict}
	if a.verbose {
		out.Note = a.note()
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
	c := jsonCheck{Name: r.Name, State: r.State, Critical: r.Critical, Excluded: a.excluded[r.Name], Reason: r.Reason}
	if !a.detailed {
		return c
	}
	c.jsonDetails = &jsonDetails{
		Message: r.Message, Details: jsonFacts(r.Details),
		Since: r.Since.UTC(), Timestamp: r.Timestamp.UTC(),
		LastCompletion: r.LastCompletion.UTC(), LastSuccess: r.LastSuccess.UTC(),
		Seconds: r.Duration.Seconds(),
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

// prefersJSON reports whether the Accept header rates JSON above plain text
// (RFC 9110, 12.5.1). Wildcards mean text.
func prefersJSON(accept []string) bool {
	json, text := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		switch quality := quality(params["q"]); kind {
		case "application/json":
			json = max(json, quality)
		case "text/plain", "text/*":
			text = max(text, quality)
		}
	}
	return json > text
}

func quality(q string) float64 {
	if q == "" {
		return 1
	}
	value, err := strconv.ParseFloat(q, 64)
	if err != nil || !(value >= 0 && value <= 1) {
		return 0
	}
	return value
}
