package exporters

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Observe makes the ledger metrics of the provider, the otelmon.telemetry ones of
// docs/telemetry.md. Call it once. The metrics end with the provider.
func (b *Outbox) Observe(provider metric.MeterProvider) error {
	meter := provider.Meter(keys.ScopeExporters)
	var first error
	made := func(err error) {
		if first == nil {
			first = err
		}
	}
	counter := func(name, text string) metric.Int64ObservableCounter {
		c, err := meter.Int64ObservableCounter(name, metric.WithUnit("{item}"), metric.WithDescription(text))
		made(err)
		return c
	}
	created := counter(keys.TelemetryCreated, "Spans, data points and log records made for the destination.")
	delivered := counter(keys.TelemetryDelivered, "Items that the backend has taken.")
	dropped := counter(keys.TelemetryDropped, "Items lost, by reason.")
	pending, err := meter.Int64ObservableUpDownCounter(keys.TelemetryPending, metric.WithUnit("{item}"), metric.WithDescription("Items neither delivered nor lost."))
	made(err)
	size, err := meter.Int64ObservableUpDownCounter(keys.TelemetryPendingSize, metric.WithUnit("By"), metric.WithDescription("What waits encoded, in memory or on the disk."))
	made(err)
	age, err := meter.Float64ObservableGauge(keys.TelemetryPendingAge, metric.WithUnit("s"), metric.WithDescription("How long the oldest of what waits encoded has waited."))
	made(err)
	active, err := meter.Int64ObservableGauge(keys.TelemetryStoreActive, metric.WithUnit("1"), metric.WithDescription("1 for where telemetry waits that is made now, 0 for the other."))
	made(err)
	if first != nil {
		return fmt.Errorf("metrics of delivery: %w", first)
	}
	series := b.series()
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		b.observeStore(o, active)
		for _, s := range series {
			a := b.accountOf(s.to, s.signal)
			o.ObserveInt64(created, a.Created, s.plain)
			o.ObserveInt64(delivered, a.Delivered, s.plain)
			o.ObserveInt64(pending, a.Pending, s.plain)
			for r := range reasons {
				o.ObserveInt64(dropped, a.Dropped[r.String()], s.reasons[r])
			}
			for _, from := range b.stores() {
				in := s.memory
				if from != store(b.ring) {
					in = s.disk
				}
				o.ObserveInt64(size, waiting(s.to.index, s.signal, from).bytes, in)
			}
			waits := 0.0
			if !a.Oldest.IsZero() {
				waits = max(time.Since(a.Oldest).Seconds(), 0)
			}
			o.ObserveFloat64(age, waits, s.plain)
		}
		return nil
	}, active, created, delivered, dropped, pending, size, age)
	if err != nil {
		return fmt.Errorf("metrics of delivery: %w", err)
	}
	return nil
}

func (b *Outbox) observeStore(o metric.Observer, active metric.Int64Observable) {
	now := b.storeName()
	for _, name := range []string{inMemory, onDisk} {
		is := int64(0)
		if name == now {
			is = 1
		}
		o.ObserveInt64(active, is, metric.WithAttributes(attribute.String(keys.TelemetryStore, name)))
	}
}

// series is the attributes of one account, made once.
type series struct {
	to      *destination
	signal  Signal
	plain   metric.MeasurementOption
	reasons [reasons]metric.MeasurementOption
	memory  metric.MeasurementOption
	disk    metric.MeasurementOption
}

func (b *Outbox) series() (all []series) {
	for _, d := range b.to {
		for _, o := range d.outlets {
			if o.sender == nil {
				continue
			}
			with := func(more ...attribute.KeyValue) metric.MeasurementOption {
				return metric.WithAttributeSet(attribute.NewSet(append(more,
					attribute.String(keys.TelemetryDestination, d.name), attribute.String(keys.TelemetrySignal, o.signal.String()))...))
			}
			s := series{to: d, signal: o.signal, plain: with()}
			for r := range reasons {
				s.reasons[r] = with(attribute.String(keys.TelemetryDropReason, r.String()))
			}
			s.memory = with(attribute.String(keys.TelemetryStore, inMemory))
			s.disk = with(attribute.String(keys.TelemetryStore, onDisk))
			all = append(all, s)
		}
	}
	return all
}
