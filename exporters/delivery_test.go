package exporters_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
)

// broken is an exporter of every signal that does in each call what it is told.
type broken func(ctx context.Context) error

func (b broken) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error { return b(ctx) }
func (b broken) Shutdown(ctx context.Context) error                               { return b(ctx) }
func (b broken) ForceFlush(ctx context.Context) error                             { return b(ctx) }

type brokenMetrics struct{ broken }

func (b brokenMetrics) Export(ctx context.Context, _ *metricdata.ResourceMetrics) error {
	return b.broken(ctx)
}

func (brokenMetrics) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.DeltaTemporality
}

func (brokenMetrics) Aggregation(sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.AggregationDrop{}
}

type brokenLogs struct{ broken }

func (b brokenLogs) Export(ctx context.Context, _ []sdklog.Record) error { return b.broken(ctx) }

// shielded wraps the broken exporter as each signal.
func shielded(b broken, d *exporters.Delivery) map[string]pipe {
	s, m, l := d.Traces(b), d.Metrics(brokenMetrics{b}), d.Logs(brokenLogs{b})
	return map[string]pipe{
		"traces":  {func(ctx context.Context, n int) error { return s.ExportSpans(ctx, spansOf(n)) }, s.Shutdown},
		"metrics": {func(ctx context.Context, n int) error { return m.Export(ctx, collectionOf(n)) }, m.Shutdown},
		"logs":    {func(ctx context.Context, n int) error { return l.Export(ctx, recordsOf(n)) }, l.Shutdown},
	}
}

func TestDeliveryCounts(t *testing.T) {
	for _, name := range []string{"traces", "metrics", "logs"} {
		var d exporters.Delivery
		result := error(nil)
		p := shielded(func(context.Context) error { return result }, &d)[name]
		if err := p.send(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, &d, 3, 0)
		result = errBroken
		if err := p.send(t.Context(), 4); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v does not wrap the exporter's error", name, err)
		}
		wantCounts(t, &d, 3, 4)
		if last := d.Snapshot().LastError; !errors.Is(last, errBroken) {
			t.Errorf("%s: last error %v", name, last)
		}
	}
}

func TestPanicIsContained(t *testing.T) {
	for _, name := range []string{"traces", "metrics", "logs"} {
		var d exporters.Delivery
		p := shielded(func(context.Context) error { panic("a\nb") }, &d)[name]
		for range 2 { // the second is not blocked by the first
			err := p.send(t.Context(), 2)
			if err == nil || !strings.Contains(err.Error(), `panicked\na\nb`) {
				t.Errorf("%s: %v", name, err)
			}
			if exporters.Explain(err) == "" {
				t.Errorf("%s: %v is not explained", name, err)
			}
		}
		wantCounts(t, &d, 0, 4)
		if err := p.shutdown(t.Context()); err == nil {
			t.Errorf("%s: a panic in Shutdown is lost", name)
		}
	}
}

func TestHangingExporterIsLeftBehind(t *testing.T) {
	for _, name := range []string{"traces", "metrics", "logs"} {
		synctest.Test(t, func(t *testing.T) {
			var d exporters.Delivery
			freed := make(chan struct{})
			p := shielded(func(context.Context) error { <-freed; return nil }, &d)[name]
			bounded := func(call func(context.Context) error) {
				t.Helper()
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := call(ctx)
				if exporters.Explain(err) == "" || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", name, err)
				}
				if late := time.Since(began) - time.Second; late > 100*time.Millisecond {
					t.Errorf("%s: %v past the deadline", name, late)
				}
			}
			bounded(func(ctx context.Context) error { return p.send(ctx, 2) })
			bounded(func(ctx context.Context) error { return p.send(ctx, 3) })
			bounded(p.shutdown)
			wantCounts(t, &d, 0, 5)

			close(freed)
			synctest.Wait()
			if err := p.send(t.Context(), 1); err != nil {
				t.Errorf("%s: %v although the exporter is free again", name, err)
			}
			wantCounts(t, &d, 1, 5)
		})
	}
}

// While one call hangs, no goroutines may gather behind it.
func TestHangingExporterGathersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d exporters.Delivery
		var mu sync.Mutex
		calls := 0
		freed := make(chan struct{})
		p := shielded(func(context.Context) error {
			mu.Lock()
			calls++
			mu.Unlock()
			<-freed
			return nil
		}, &d)["traces"]
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_ = p.send(ctx, 1)
			cancel()
		}
		mu.Lock()
		defer mu.Unlock()
		if calls != 1 {
			t.Errorf("%d calls hang, want 1", calls)
		}
		close(freed)
	})
}

// The SDK fills its slices anew once an export returned.
func TestAbandonedBatchIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d exporters.Delivery
		freed := make(chan struct{})
		first := make(chan string, 1)
		exporter := d.Traces(reading(func(batch []sdktrace.ReadOnlySpan) {
			<-freed
			first <- batch[0].Name()
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		batch := spansOf(1)
		_ = exporter.ExportSpans(ctx, batch)
		clear(batch)
		close(freed)
		if got := <-first; got != "span 0" {
			t.Errorf("the exporter reads %q", got)
		}
	})
}

type reading func([]sdktrace.ReadOnlySpan)

func (r reading) ExportSpans(_ context.Context, batch []sdktrace.ReadOnlySpan) error {
	r(batch)
	return nil
}
func (reading) Shutdown(context.Context) error { return nil }

func TestAbandon(t *testing.T) {
	for _, name := range []string{"traces", "metrics", "logs"} {
		synctest.Test(t, func(t *testing.T) {
			var d exporters.Delivery
			calls := 0
			p := shielded(func(ctx context.Context) error {
				calls++
				if calls == 1 {
					return errBroken
				}
				<-ctx.Done()
				return ctx.Err()
			}, &d)[name]
			_ = p.send(t.Context(), 1)
			began := time.Now()
			time.AfterFunc(time.Second, d.Abandon)
			if err := p.send(t.Context(), 2); err == nil {
				t.Errorf("%s: no error", name)
			}
			if err := p.send(t.Context(), 3); exporters.Explain(err) == "" {
				t.Errorf("%s: %v is not explained", name, err)
			}
			d.Abandon()
			if took := time.Since(began); took > time.Second+100*time.Millisecond || calls != 2 {
				t.Errorf("%s: took %v and %d calls", name, took, calls)
			}
			wantCounts(t, &d, 0, 6)
			if last := d.Snapshot().LastError; !errors.Is(last, errBroken) {
				t.Errorf("%s: the cause became %v", name, last)
			}
		})
	}
}

func TestWrappedMetricsKeepTheirSelectors(t *testing.T) {
	var d exporters.Delivery
	m := d.Metrics(brokenMetrics{})
	if m.Temporality(sdkmetric.InstrumentKindCounter) != metricdata.DeltaTemporality {
		t.Error("temporality is not the exporter's")
	}
	if _, ok := m.Aggregation(sdkmetric.InstrumentKindCounter).(sdkmetric.AggregationDrop); !ok {
		t.Error("aggregation is not the exporter's")
	}
}

func TestEveryKindOfPointCounts(t *testing.T) {
	var d exporters.Delivery
	m := d.Metrics(brokenMetrics{func(context.Context) error { return nil }})
	var all []metricdata.Metrics
	for _, data := range []metricdata.Aggregation{
		metricdata.Gauge[int64]{DataPoints: make([]metricdata.DataPoint[int64], 1)},
		metricdata.Gauge[float64]{DataPoints: make([]metricdata.DataPoint[float64], 2)},
		metricdata.Sum[int64]{DataPoints: make([]metricdata.DataPoint[int64], 4)},
		metricdata.Sum[float64]{DataPoints: make([]metricdata.DataPoint[float64], 8)},
		metricdata.Histogram[int64]{DataPoints: make([]metricdata.HistogramDataPoint[int64], 16)},
		metricdata.Histogram[float64]{DataPoints: make([]metricdata.HistogramDataPoint[float64], 32)},
		metricdata.ExponentialHistogram[int64]{DataPoints: make([]metricdata.ExponentialHistogramDataPoint[int64], 64)},
		metricdata.ExponentialHistogram[float64]{DataPoints: make([]metricdata.ExponentialHistogramDataPoint[float64], 128)},
		metricdata.Summary{DataPoints: make([]metricdata.SummaryDataPoint, 256)},
		nil,
	} {
		all = append(all, metricdata.Metrics{Data: data})
	}
	err := m.Export(t.Context(), &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: all}}})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, &d, 511, 0)
}

// A batch of spans through Delivery against the same exporter bare.
func BenchmarkDelivery(b *testing.B) {
	batch := spansOf(512)
	bare := reading(func([]sdktrace.ReadOnlySpan) {})
	var d exporters.Delivery
	for name, e := range map[string]sdktrace.SpanExporter{"bare": bare, "counted": d.Traces(bare)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.ExportSpans(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
