package health

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	lognoop "go.opentelemetry.io/otel/log/noop"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// busy returns a registry with n healthy checks, of which the first few hang.
func busy(b *testing.B, o Options, n, hung int) *Registry {
	b.Helper()
	r := New(o)
	for i := range n {
		if err := r.Register(Check{Name: fmt.Sprintf("check%05d", i), Critical: i >= hung, Func: pass}); err != nil {
			b.Fatal(err)
		}
	}
	now := time.Now()
	for i, e := range *r.entries.Load() {
		found := finding{state: StateHealthy}
		if i < hung {
			found = finding{StateUnhealthy, ReasonHung, "has not returned"}
		}
		e.update(&run{entry: e, span: noSpan(b.Context())}, found, now.Add(time.Hour))
	}
	b.Cleanup(func() { _ = r.Shutdown(context.Background()) })
	return r
}

func BenchmarkReport(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := busy(b, Options{}, n, 0)
			b.ReportAllocs()
			for b.Loop() {
				r.Report()
			}
		})
	}
}

// The raw case observes the same points from the same attribute sets.
func BenchmarkCollect(b *testing.B) {
	collect := func(b *testing.B, reader *sdkmetric.ManualReader) {
		b.Helper()
		var rm metricdata.ResourceMetrics
		b.ReportAllocs()
		for b.Loop() {
			if err := reader.Collect(b.Context(), &rm); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("health/%d", n), func(b *testing.B) {
			reader := sdkmetric.NewManualReader()
			busy(b, Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithCardinalityLimit(0))}, n, 0)
			collect(b, reader)
		})
		b.Run(fmt.Sprintf("raw/%d", n), func(b *testing.B) {
			reader := sdkmetric.NewManualReader()
			meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithCardinalityLimit(0)).Meter("raw")
			status, _ := meter.Int64ObservableUpDownCounter("health.check.status")
			severity, _ := meter.Int64ObservableGauge("health.check.severity")
			last, _ := meter.Float64ObservableGauge("health.check.last_completion.timestamp")
			success, _ := meter.Float64ObservableGauge("health.check.last_success.timestamp")
			flapping, _ := meter.Int64ObservableUpDownCounter("health.check.flapping")
			muted, _ := meter.Int64ObservableUpDownCounter("health.check.muted")
			var all []series
			for i := range n {
				all = append(all, newSeries(Check{Name: fmt.Sprintf("check%05d", i)}))
			}
			_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
				for _, s := range all {
					for i := range s.states {
						o.ObserveInt64(status, 1, s.states[i]...)
					}
					o.ObserveInt64(severity, 1, s.check...)
					o.ObserveFloat64(last, 1, s.name...)
					o.ObserveFloat64(success, 1, s.name...)
					o.ObserveInt64(flapping, 0, s.name...)
					o.ObserveInt64(muted, 0, s.name...)
				}
				return nil
			}, status, severity, last, success, flapping, muted)
			if err != nil {
				b.Fatal(err)
			}
			collect(b, reader)
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkProbe(b *testing.B) {
	for _, bc := range []struct {
		target  string
		n, hung int
	}{{"/readyz", 100, 0}, {"/readyz", 100, 50}, {"/readyz?verbose", 100, 0}, {"/readyz", 10_000, 0}, {"/readyz", 10_000, 100}} {
		b.Run(fmt.Sprintf("%s/%d/hung%d", bc.target[1:], bc.n, bc.hung), func(b *testing.B) {
			h := busy(b, Options{}, bc.n, bc.hung).Handler()
			req := httptest.NewRequest(http.MethodGet, bc.target, http.NoBody)
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, req)
			}
		})
	}
}

// What the instruments cost an execution where nobody records them.
func BenchmarkNoop(b *testing.B) {
	r := busy(b, Options{MeterProvider: noop.NewMeterProvider(), LoggerProvider: lognoop.NewLoggerProvider()}, 1, 0)
	e := (*r.entries.Load())[0]
	x := &run{entry: e, span: noSpan(b.Context())}
	to := e.latest.Load().at(time.Now())
	ctx, found, change := b.Context(), finding{state: StateHealthy}, step{&Result{}, to}
	b.Run("raw", func(b *testing.B) { // a call through an interface that does nothing
		b.ReportAllocs()
		for b.Loop() {
			r.telemetry.duration.Record(ctx, 1)
		}
	})
	b.Run("duration", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.telemetry.observe(ctx, x, found)
		}
	})
	b.Run("transition", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.telemetry.count(ctx, change)
		}
	})
	b.Run("event", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.telemetry.announce(ctx, change)
		}
	})
}

func BenchmarkExecution(b *testing.B) {
	r := busy(b, Options{}, 1, 0)
	ctx, e := b.Context(), (*r.entries.Load())[0]
	b.ReportAllocs()
	for b.Loop() {
		r.mu.Lock()
		r.launch(ctx, e, time.Now())
		x := e.run
		r.mu.Unlock()
		for {
			r.mu.Lock()
			done := e.run != x
			r.mu.Unlock()
			if done {
				break
			}
		}
	}
}
