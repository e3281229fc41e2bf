package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/bulk"
)

// often is in place of the minute that is the default, since the shortest way to
// count takes less than a second.
const often = 100 * time.Millisecond

// telemetry is the SDK as it is set up for production, with the queues of its
// defaults, and exporters that count what they get.
type telemetry struct {
	tracers *sdktrace.TracerProvider
	meters  *sdkmetric.MeterProvider
	loggers *sdklog.LoggerProvider
	pause   time.Duration

	spans, records atomic.Int64
	items          atomic.Int64 // as the metrics have it that were exported last
}

// start has metrics collected so often, and a batch of spans takes the pause to
// export.
func start(collect, pause time.Duration) *telemetry {
	t := &telemetry{pause: pause}
	t.tracers = sdktrace.NewTracerProvider(sdktrace.WithBatcher(spanCounter{t}))
	t.meters = sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(itemSum{t}, sdkmetric.WithInterval(collect))),
	)
	t.loggers = sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(recordCounter{t})))
	return t
}

func (t *telemetry) stop(ctx context.Context) error {
	return errors.Join(t.tracers.Shutdown(ctx), t.meters.Shutdown(ctx), t.loggers.Shutdown(ctx))
}

func (t *telemetry) providers() bulk.Option {
	return bulk.Providers{Tracer: t.tracers, Meter: t.meters, Logger: t.loggers}
}

func (t *telemetry) String() string {
	return fmt.Sprintf("%d spans, %d log records, metrics", t.spans.Load(), t.records.Load())
}

type spanCounter struct{ *telemetry }

func (c spanCounter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	pause, cancel := context.WithTimeout(ctx, c.pause)
	defer cancel()
	<-pause.Done()
	c.spans.Add(int64(len(spans)))
	return nil
}

func (spanCounter) Shutdown(context.Context) error { return nil }

type recordCounter struct{ *telemetry }

func (c recordCounter) Export(_ context.Context, records []sdklog.Record) error {
	c.records.Add(int64(len(records)))
	return nil
}

func (recordCounter) ForceFlush(context.Context) error { return nil }
func (recordCounter) Shutdown(context.Context) error   { return nil }

type itemSum struct{ *telemetry }

func (itemSum) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

func (itemSum) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (s itemSum) Export(_ context.Context, all *metricdata.ResourceMetrics) error {
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if items, ok := m.Data.(metricdata.Sum[int64]); ok && strings.HasSuffix(m.Name, "items") {
				s.take(items.DataPoints)
			}
		}
	}
	return nil
}

func (s itemSum) take(outcomes []metricdata.DataPoint[int64]) {
	sum := int64(0)
	for _, o := range outcomes {
		sum += o.Value
	}
	s.items.Store(sum)
}

func (itemSum) ForceFlush(context.Context) error { return nil }
func (itemSum) Shutdown(context.Context) error   { return nil }
