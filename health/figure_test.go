package health

import (
	"math"
	"testing"

	"go.opentelemetry.io/otel/attribute"
)

func TestFigure(t *testing.T) {
	for _, tc := range []struct {
		fact attribute.KeyValue
		want string
	}{
		{attribute.Int64("disk.free", 0), "0B"},
		{attribute.Int64("disk.free", 1023), "1023B"},
		{attribute.Int64("disk.free", 1024), "1.0KiB"},
		{attribute.Int64("disk.free", 1<<20-1), "1.0MiB"},
		{attribute.Int64("disk.free", 1<<20-1<<10), "1023.0KiB"},
		{attribute.Int64("disk.free", math.MaxInt64), "8.0EiB"},
		{attribute.Int64("memory.go.used", 5<<30), "5.0GiB"},
		{attribute.Int64("memory.cgroup.limit", 3<<40), "3.0TiB"},
		{attribute.Int64("Queue_Bytes", 1<<20), "1.0MiB"},
		{attribute.Int64("bytes", -1), "-1"},
		{attribute.Int64("bytes", math.MinInt64), "-9223372036854775808"},
		{attribute.Int64("disk.freed", 4096), "4096"},
		{attribute.Int64("kilobytes.max", 4096), "4096"},
		{attribute.Float64("bytes", 4096), "4096"},
		{attribute.Float64("disk.free_ratio", 0.28189063449497637), "0.282"},
		{attribute.Float64("hit.ratio", 0.0004567), "0.000457"},
		{attribute.Float64("ratio", 1), "1"},
		{attribute.Float64("ratio", math.NaN()), "NaN"},
		{attribute.Float64("ratios.seen", 0.28189063449497637), "0.28189063449497637"},
		{attribute.Bool("bytes", true), "true"},
		{attribute.String("ratio", "0.28189"), "0.28189"},
	} {
		if got := figure(tc.fact); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.fact.Key, got, tc.want)
		}
	}
}
