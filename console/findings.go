package console

import (
	"net/url"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/diagnosis"
)

// evidenceHref is where the console shows a piece of evidence of a window.
func evidenceHref(base string, w diagnosis.Window, e diagnosis.Evidence) string {
	name, _, _ := strings.Cut(e.Ref, " {")
	switch e.Type {
	case diagnosis.ByTrace:
		return traceHref(base, e.Ref)
	case diagnosis.ByLog:
		return base + "logs?" + url.Values{"q": {e.Ref}, "since": {w.From.UTC().Format(time.RFC3339)}}.Encode()
	case diagnosis.ByDelivery:
		return base + "delivery"
	case diagnosis.ByMetric:
		return base + "metrics?" + url.Values{"name": {name}}.Encode()
	case diagnosis.ByCheck:
		return base + "health#check-" + url.PathEscape(e.Ref)
	case diagnosis.ByOperation:
		return base + "operations#op-" + url.PathEscape(e.Ref)
	case diagnosis.ByRuntime:
		return base + "runtime"
	}
	return ""
}

// severityTone maps severities to the classes of the style sheet.
func severityTone(severity string) string {
	switch severity {
	case diagnosis.Critical:
		return "bad"
	case diagnosis.Warning:
		return "warn"
	default:
		return "info"
	}
}

// wordsOf is a kind or a verdict in words.
func wordsOf(name string) string {
	return stateTitle(strings.ReplaceAll(name, "_", " "))
}
