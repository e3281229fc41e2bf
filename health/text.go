package health

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
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
	if a.draining() {
		b.WriteString("[-]shutdown draining\n")
	}
	for _, r := range a.results {
		a.line(&b, r)
	}
	if len(a.unknown) > 0 {
		fmt.Fprintf(&b, "warn: %s\n", a.warning())
	}
	for _, note := range a.notes() {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	switch {
	case a.failed():
		fmt.Fprintf(&b, "%s check failed\n", a.subject())
	case a.verdict == StateDegraded:
		fmt.Fprintf(&b, "%s check passed, degraded\n", a.subject())
	default:
		fmt.Fprintf(&b, "%s check passed\n", a.subject())
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
	if r.SuppressedBy != "" {
		fmt.Fprintf(b, " (because of %s)", r.SuppressedBy)
	}
	if r.Flapping {
		b.WriteString(" (flapping)")
	}
	if r.Maintenance != "" {
		b.WriteString(" (in maintenance)")
	}
	if a.detailed {
		a.details(b, r)
	}
	b.WriteByte('\n')
}

func (a *answer) details(b *bytes.Buffer, r *Result) {
	if r.Message != "" {
		fmt.Fprintf(b, ": %s", oneLine(r.Message))
	}
	for _, kv := range r.Details.ToSlice() {
		fmt.Fprintf(b, " %s=%s", oneLine(string(kv.Key)), oneLine(figure(kv)))
	}
	if r.Runbook != "" && r.State != StateHealthy {
		fmt.Fprintf(b, "\n    runbook: %s", oneLine(r.Runbook))
	}
	for frame := range strings.Lines(r.Stack) {
		fmt.Fprintf(b, "\n    %s", strings.TrimSpace(oneLine(frame)))
	}
}

// subject is what the last line is about.
func (a *answer) subject() string {
	if a.only != "" {
		return a.only
	}
	return a.probe.endpoint()
}

// notes tell whoever misses checks or details how to get them.
func (a *answer) notes() []string {
	var notes []string
	if a.omitted > 0 {
		notes = append(notes, fmt.Sprintf("%d more checks are listed with ?verbose", a.omitted))
	}
	if !a.detailed && len(a.results) > 0 {
		notes = append(notes, "messages and details are withheld; the program allows them with health.ShowDetails")
	}
	return notes
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
