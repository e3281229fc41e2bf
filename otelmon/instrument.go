package otelmon

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// bound is an instrument with the set of attributes that goes with every
// measurement. The set is built once: building it at each call costs four times
// as much.
type bound[I, O any] struct {
	inst    I
	attrs   []attribute.KeyValue
	options []O
}

func (b *bound[I, O]) with(attrs []attribute.KeyValue, option func(attribute.Set) O) *bound[I, O] {
	if b == nil {
		return nil
	}
	all := slices.Concat(b.attrs, attrs)
	return &bound[I, O]{inst: b.inst, attrs: all, options: []O{option(attribute.NewSet(all...))}}
}

// Counter counts things that happen. The zero Counter counts nothing. A
// Counter is safe for concurrent use.
type Counter struct {
	b *bound[metric.Int64Counter, metric.AddOption]
}

// NewCounter makes a counter on the global meter provider; it may be called
// before [Start]. The name is a plural noun without "total" ("shop.orders"),
// the unit a UCUM one ("{order}", "By"). An invalid name is reported to the
// OpenTelemetry error handler.
func NewCounter(name, unit, description string) Counter {
	inst, err := globalMeter().Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	report(err)
	return Counter{&bound[metric.Int64Counter, metric.AddOption]{inst: inst}}
}

// With returns a counter that adds attrs to every measurement. Keep what it
// returns: the set is built here, so that Add costs no allocation. Values must
// come from a small fixed set, never ids, error texts or URLs.
func (c Counter) With(attrs ...attribute.KeyValue) Counter {
	return Counter{c.b.with(attrs, func(s attribute.Set) metric.AddOption { return metric.WithAttributeSet(s) })}
}

// Add counts n more; n is not negative.
func (c Counter) Add(ctx context.Context, n int64) {
	if c.b != nil {
		c.b.inst.Add(ctx, n, c.b.options...)
	}
}

// Gauge holds the newest of a value that goes up and down. The zero Gauge
// holds nothing. A Gauge is safe for concurrent use.
type Gauge struct {
	b *bound[metric.Float64Gauge, metric.RecordOption]
}

// NewGauge makes a gauge on the global meter provider; it may be called before
// [Start]. Name and unit are as for [NewCounter].
func NewGauge(name, unit, description string) Gauge {
	inst, err := globalMeter().Float64Gauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	report(err)
	return Gauge{&bound[metric.Float64Gauge, metric.RecordOption]{inst: inst}}
}

// With is as [Counter.With].
func (g Gauge) With(attrs ...attribute.KeyValue) Gauge {
	return Gauge{g.b.with(attrs, recordSet)}
}

// Set makes v the gauge's value.
func (g Gauge) Set(ctx context.Context, v float64) {
	if g.b != nil {
		g.b.inst.Record(ctx, v, g.b.options...)
	}
}

// Timer is a histogram of durations in seconds, with boundaries from 1 ms to
// 1 min. The zero Timer records nothing. A Timer is safe for concurrent use.
type Timer struct {
	b *bound[metric.Float64Histogram, metric.RecordOption]
}

// NewTimer makes a timer on the global meter provider; it may be called before
// [Start]. The name ends in "duration" by convention ("shop.payment.duration").
func NewTimer(name, description string) Timer {
	inst, err := globalMeter().Float64Histogram(
		name,
		metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(secondsBuckets()...),
	)
	report(err)
	return Timer{&bound[metric.Float64Histogram, metric.RecordOption]{inst: inst}}
}

// With is as [Counter.With].
func (t Timer) With(attrs ...attribute.KeyValue) Timer {
	return Timer{t.b.with(attrs, recordSet)}
}

// Record adds one duration.
func (t Timer) Record(ctx context.Context, d time.Duration) {
	if t.b != nil {
		t.b.inst.Record(ctx, d.Seconds(), t.b.options...)
	}
}

// Since adds the time from start until now: defer t.Since(ctx, time.Now()).
func (t Timer) Since(ctx context.Context, start time.Time) {
	t.Record(ctx, time.Since(start))
}

func recordSet(s attribute.Set) metric.RecordOption { return metric.WithAttributeSet(s) }

func globalMeter() metric.Meter { return otel.Meter(keys.ScopeOtelmon) }

func report(err error) {
	if err != nil {
		otel.Handle(err)
	}
}
