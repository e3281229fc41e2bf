package console

import (
	"html/template"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// functions are what the templates call.
func functions() template.FuncMap {
	return template.FuncMap{
		"seconds": figure.Seconds,
		"bytes":   figure.Bytes,
		"count":   figure.Count,
		"value":   figure.Value,
		"measure": figure.Measure,
		"percent": figure.Percent,
		"ago":     func(t time.Time) string { return figure.Ago(time.Since(t)) },
		"clock":   func(t time.Time) string { return t.Local().Format("15:04:05.000") },
		"minute":  func(t time.Time) string { return t.Local().Format(time.TimeOnly) },
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"known":   store.Number.Known,
		"number":  toNumber,
		"trace":   traceHref,
		"spark":   sparkOf,
		"short":   func(id string) string { return id[:min(len(id), 8)] },
		"tone":    tone,
		"optone":  operationTone,
		"failed":  failedPart,
		"state":   stateTitle,
		"args":    func(list ...any) []any { return list },
		"scope":   shortScope,
		"foreign": foreignScope,

		"hasNoScript": func() bool { return true },

		"evidence": evidenceHref,
		"severity": severityTone,
		"delivery": deliveryTone,
		"words":    wordsOf,
	}
}

func toNumber(n any) store.Number {
	if u, ok := n.(uint64); ok {
		return store.Number(u)
	}
	i, _ := n.(int)
	return store.Number(i)
}

// tone maps states, results, levels and statuses to the classes of the style
// sheet, each of which has an icon of its own.
func tone(state string) string {
	switch state {
	case store.StateHealthy, store.StateCompleted, "ok":
		return "good"
	case store.StateDegraded, "warn", store.StateCanceled:
		return "warn"
	case store.StateUnhealthy, store.StateFailed, "error", "fatal":
		return "bad"
	case store.StateRunning:
		return "run"
	case "info":
		return "info"
	case store.StateUnknown:
		return "none"
	default:
		return "quiet"
	}
}

// deliveryTone maps verdicts about delivery to the classes of the style sheet.
func deliveryTone(verdict string) string {
	switch verdict {
	case store.DeliveryOK:
		return "good"
	case store.DeliveryBehind:
		return "warn"
	case store.DeliveryFailing, store.DeliveryLosing:
		return "bad"
	default:
		return "none"
	}
}

// stateTitle is a state as a word of its own.
func stateTitle(state string) string {
	if state == "" {
		return "Unset"
	}
	return strings.ToUpper(state[:1]) + state[1:]
}

// foreignScope is shortScope, empty for otelmon's own: that spans come through
// it says nothing about them.
func foreignScope(scope string) string {
	if strings.HasPrefix(scope, keys.Module+"/") {
		return ""
	}
	return shortScope(scope)
}

// shortScope drops the host and owner that most scopes start with.
func shortScope(scope string) string {
	parts := strings.Split(scope, "/")
	if len(parts) > 3 && strings.Contains(parts[0], ".") {
		return strings.Join(parts[len(parts)-2:], "/")
	}
	return scope
}
