package otelmon

import (
	"slices"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// secondsBuckets spans 1 ms to 1 min. The SDK's default boundaries are meant
// for milliseconds: measured in seconds, everything below 5 s falls into one
// bucket and every quantile is useless.
func secondsBuckets() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30, 60}
}

// bytesBuckets spans 256 B to 16 MiB in steps of four, so a quantile is right
// within them: sizes differ by orders of magnitude, and each bucket is a series
// of every route and status. 1 MiB and 4 MiB are where proxies and gRPC refuse
// by default. The SDK's default boundaries end at 10 kB.
func bytesBuckets() []float64 {
	return []float64{1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24}
}

// buckets are those for a unit, nil where the SDK's are as good as any.
func buckets(unit string) []float64 {
	switch unit {
	case "s":
		return secondsBuckets()
	case "By":
		return bytesBuckets()
	}
	return nil
}

// meterProvider gives histograms the boundaries of [buckets] when their creator
// named none. A view would do so too, but it would override boundaries that
// were named. It guards callbacks. It returns the SDK's own instruments, so
// that recording costs nothing more.
type meterProvider struct {
	metric.MeterProvider
	faults metric.Int64Counter // of callbacks
	// ending ends the series of health with the collection before the last. By that
	// deploy/rules.yaml tells a process that ended in order from one that was killed,
	// also where the program shuts its registry down after the monitor.
	ending atomic.Bool
}

func newMeterProvider(p metric.MeterProvider) *meterProvider {
	faults, err := p.Meter(keys.ScopeOtelmon).Int64Counter(
		keys.CallbackFaults, metric.WithUnit("{fault}"), metric.WithDescription("Callbacks of instruments that failed, panicked or were late."),
	)
	report(err)
	return &meterProvider{MeterProvider: p, faults: faults}
}

func (p *meterProvider) Meter(name string, opts ...metric.MeterOption) metric.Meter {
	return meter{p.MeterProvider.Meter(name, opts...), guard{name, p}}
}

type meter struct {
	metric.Meter
	guard guard
}

func (m meter) Float64Histogram(name string, opts ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	cfg := metric.NewFloat64HistogramConfig(opts...)
	if b := buckets(cfg.Unit()); b != nil && len(cfg.ExplicitBucketBoundaries()) == 0 {
		opts = append(slices.Clip(opts), metric.WithExplicitBucketBoundaries(b...))
	}
	return m.Meter.Float64Histogram(name, opts...)
}

func (m meter) Int64Histogram(name string, opts ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	cfg := metric.NewInt64HistogramConfig(opts...)
	if b := buckets(cfg.Unit()); b != nil && len(cfg.ExplicitBucketBoundaries()) == 0 {
		opts = append(slices.Clip(opts), metric.WithExplicitBucketBoundaries(b...))
	}
	return m.Meter.Int64Histogram(name, opts...)
}
