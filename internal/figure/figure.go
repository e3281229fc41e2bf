// Package figure writes numbers as people read them: three digits that mean
// something, with their unit.
package figure

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// None stands for what is not known.
const None = "–"

// Seconds writes a duration with three significant digits.
func Seconds(n store.Number) string {
	if !n.Known() {
		return None
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
		return sign + long(s)
	}
}

func long(seconds float64) string {
	s := int64(min(seconds, 1e15))
	switch {
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d h %02d min", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%s d %02d h", Count(store.Number(s/86400)), s%86400/3600)
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

// Bytes writes a size.
func Bytes(n store.Number) string {
	if !n.Known() {
		return None
	}
	v, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for ; math.Abs(v) >= 1024 && i < len(units)-1; i++ {
		v /= 1024
	}
	return signed(v) + " " + units[i]
}

func signed(v float64) string {
	if v < 0 {
		return "−" + significant(-v)
	}
	return significant(v)
}

// Count writes a number with thousands apart, and decimals only when it
// is small.
func Count(n store.Number) string {
	if !n.Known() {
		return None
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

// Percent writes a part of one, rounded down: 100 % is all.
func Percent(n store.Number) string {
	if !n.Known() {
		return None
	}
	return strconv.Itoa(int(math.Floor(float64(n*100)))) + " %"
}

// Value writes a number in its unit, of which it knows those of OTel's
// conventions.
func Value(n store.Number, unit string) string {
	if !n.Known() {
		return None
	}
	base, per, isRate := strings.Cut(unit, "/")
	text := Count(n)
	switch {
	case base == "s" && per == "s":
		return Seconds(n) + "/s"
	case base == "s":
		text = Seconds(n)
	case base == "ms":
		text = Seconds(n / 1000)
	case base == "By":
		text = Bytes(n)
	case base == "1" || base == "" || strings.HasPrefix(base, "{"):
	default:
		text += " " + base
	}
	if isRate {
		text += "/" + per
	}
	return text
}

// Measure is Value, but for instruments whose value is a time.
func Measure(instrument, unit string, n store.Number) string {
	if strings.HasSuffix(instrument, ".timestamp") && unit == "s" && n.Known() {
		return time.UnixMilli(int64(n * 1000)).Format("15:04:05")
	}
	return Value(n, unit)
}

// Ago writes how long ago something was.
func Ago(d time.Duration) string {
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
