package bulk

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Unknown stands for a number of items or a time that cannot be told yet, in
// [Total], [Snapshot] and [Operation.SetTotal].
const Unknown = -1

// Option says something about one operation.
type Option interface{ apply(*config) }

type config struct {
	total      int64
	totalBytes int64
	byBytes    bool // progress is that of bytes
	providers  Providers
	joined     joined
	history    string
	run        runConfig
}

func newConfig(opts []Option) config {
	c := config{total: Unknown, totalBytes: Unknown, run: runDefaults()}
	for _, o := range opts {
		o.apply(&c)
	}
	return c
}

// Total is an [Option] that says how many items the operation will see. Without
// it, and below zero, the number is unknown: then there is no percentage and no
// ETA. [Operation.AddTotal] and [Operation.SetTotal] change it on the way.
type Total int64

func (t Total) apply(c *config) { c.total = max(int64(t), Unknown) }

// TotalBytes is an [Option] that says how many bytes the operation will read or
// write. With it, progress, rate and ETA are those of the bytes, whatever is said
// or counted of items. Below zero, the number is unknown.
// [Operation.SetTotalBytes] changes it on the way.
type TotalBytes int64

func (t TotalBytes) apply(c *config) {
	c.totalBytes = max(int64(t), Unknown)
	c.byBytes = c.byBytes || t >= 0
}

// unit is the [Option] of an operation that has no items.
type unit struct{}

func (unit) apply(c *config) { c.byBytes = true }

// Providers is an [Option] that names the OpenTelemetry providers of an
// operation. A nil field means the global provider of package otel. Pass the
// same providers for all operations that belong together: metrics are kept for
// each meter provider, and for as long as that provider lives.
type Providers struct {
	Tracer trace.TracerProvider
	Meter  metric.MeterProvider
	Logger log.LoggerProvider
}

func (p Providers) apply(c *config) { c.providers = p }

func (p Providers) tracer(scope string) trace.Tracer {
	if p.Tracer == nil {
		return otel.Tracer(scope)
	}
	return p.Tracer.Tracer(scope)
}

func (p Providers) logger(scope string) log.Logger {
	if p.Logger == nil {
		return otel.Logger(scope)
	}
	return p.Logger.Logger(scope)
}
