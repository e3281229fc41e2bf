package console

import (
	"net/url"
	"strings"

	"github.com/otelmon/otelmon-go/console/diagnosis"
)

// evidenceHref is where the console shows a piece of evidence.
func evidenceHref(base string, e diagnosis.Evidence) string {
	name, _, _ := strings.Cut(e.Ref, " {")
	switch e.Type {
	case diagnosis.ByTrace:
		return traceHref(base, e.Ref)
	case diagnosis.ByLog:
		return base + "logs?" + url.Values{"q": {e.Ref}}.Encode()
	case diagnosis.ByMetric, diagnosis.ByDelivery:
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

// kindTitle is a kind of finding in words.
func kindTitle(kind string) string {
	return stateTitle(strings.ReplaceAll(kind, "_", " "))
}
