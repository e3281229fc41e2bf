package health

import (
	"fmt"
	"regexp"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
)

// The keys whose values have a unit that people like to see: those of our own
// checkers, and whatever is named alike.
var (
	byteKey  = regexp.MustCompile(`(?i)(^disk\.free|^memory\.(go|cgroup)\.(used|limit)|bytes)$`)
	ratioKey = regexp.MustCompile(`(?i)ratio$`)
)

// figure formats the value of a detail for people.
func figure(kv attribute.KeyValue) string {
	key := string(kv.Key)
	switch kv.Value.Type() {
	case attribute.INT64:
		if n := kv.Value.AsInt64(); n >= 0 && byteKey.MatchString(key) {
			return size(n)
		}
	case attribute.FLOAT64:
		if ratioKey.MatchString(key) {
			return strconv.FormatFloat(kv.Value.AsFloat64(), 'g', 3, 64)
		}
	default:
	}
	return kv.Value.String()
}

// size formats n bytes, n >= 0, in the largest unit of which there is one after
// rounding.
func size(n int64) string {
	const roundsUp = 1023.95
	if n < 1<<10 {
		return fmt.Sprintf("%dB", n)
	}
	value, unit := float64(n)/(1<<10), 0
	for value >= roundsUp {
		value /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f%ciB", value, "KMGTPE"[unit])
}
