package console

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// functions are what the templates call.
func functions() template.FuncMap {
	return template.FuncMap{
		"seconds": formatSeconds,
		"bytes":   formatBytes,
		"count":   formatCount,
		"value":   formatValue,
		"measure": formatMeasure,
		"percent": func(n store.Number) string { return strconv.Itoa(int(math.Floor(float64(n*100)))) + " %" },
		"ago":     func(t time.Time) string { return formatAgo(time.Since(t)) },
		"clock":   func(t time.Time) string { return t.Local().Format("15:04:05.000") },
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
		"kind":     kindTitle,
	}
}

func toNumber(n any) store.Number {
	if u, ok := n.(uint64); ok {
		return store.Number(u)
	}
	i, _ := n.(int)
	return store.Number(i)
}

const noValue = "–"

// formatSeconds writes a duration with three significant digits.
func formatSeconds(n store.Number) string {
	if !n.Known() {
		return noValue
	}
	s := math.Abs(float64(n))
	sign := ""
	if n < 0 {
		sign = "−"
	}
	switch {
	case s == 0:
		return "0 s"
	case s < 1e-6:
		return sign + significant(s*1e9) + " ns"
	case s < 1e-3:
		return sign + significant(s*1e6) + " µs"
	case s < 1:
		return sign + significant(s*1e3) + " ms"
	case s < 60:
		return sign + significant(s) + " s"
	default:
		return sign + formatLong(s)
	}
}

func formatLong(seconds float64) string {
	s := int64(min(seconds, 1e15))
	switch {
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d h %02d min", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%s d %02d h", formatCount(store.Number(s/86400)), s%86400/3600)
	}
}

// significant writes three significant digits below 1000.
func significant(v float64) string {
	decimals := 2
	switch {
	case v >= 99.95:
		decimals = 0
	case v >= 9.995:
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func formatBytes(n store.Number) string {
	if !n.Known() {
		return noValue
	}
	v, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for ; math.Abs(v) >= 1024 && i < len(units)-1; i++ {
		v /= 1024
	}
	return significantSigned(v) + " " + units[i]
}

func significantSigned(v float64) string {
	if v < 0 {
		return "−" + significant(-v)
	}
	return significant(v)
}

// formatCount writes a number with thousands apart, and decimals only when it
// is small.
func formatCount(n store.Number) string {
	if !n.Known() {
		return noValue
	}
	v := math.Abs(float64(n))
	sign := ""
	if n < 0 {
		sign = "−"
	}
	switch {
	case v >= 1e15 || (v != 0 && v < 1e-3):
		return sign + strconv.FormatFloat(v, 'g', 3, 64)
	case v < 1000 && v != math.Trunc(v):
		if v < 0.01 {
			return sign + strconv.FormatFloat(v, 'g', 2, 64)
		}
		return sign + significant(v)
	}
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u2009" + digits[i:]
	}
	return sign + digits
}

// formatValue writes a number in its unit, of which it knows those of OTel's
// conventions.
func formatValue(n store.Number, unit string) string {
	if !n.Known() {
		return noValue
	}
	base, per, isRate := strings.Cut(unit, "/")
	text := formatCount(n)
	switch {
	case base == "s" && per == "s":
		return formatSeconds(n) + "/s"
	case base == "s":
		text = formatSeconds(n)
	case base == "ms":
		text = formatSeconds(n / 1000)
	case base == "By":
		text = formatBytes(n)
	case base == "1" || base == "" || strings.HasPrefix(base, "{"):
	default:
		text += " " + base
	}
	if isRate {
		text += "/" + per
	}
	return text
}

// formatMeasure is formatValue, but for instruments whose value is a time.
func formatMeasure(instrument, unit string, n store.Number) string {
	if strings.HasSuffix(instrument, ".timestamp") && unit == "s" && n.Known() {
		return time.UnixMilli(int64(n * 1000)).Format("15:04:05")
	}
	return formatValue(n, unit)
}

func formatAgo(d time.Duration) string {
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d d ago", int(d.Hours()/24))
	}
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
