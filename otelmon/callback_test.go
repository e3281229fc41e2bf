package otelmon

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// collected are the sums and gauges of one collection by name, and the faults by
// class.
func collected(t *testing.T, reader sdkmetric.Reader) (values, faults map[string]float64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	values, faults = map[string]float64{}, map[string]float64{}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					if class, ok := p.Attributes.Value(keys.ErrorType); ok && m.Name == keys.CallbackFaults {
						faults[class.AsString()] += float64(p.Value)
					}
					values[m.Name] += float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					values[m.Name] += float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					values[m.Name] += p.Value
				}
			}
		}
	}
	return values, faults
}

func quiet(t *testing.T) *int {
	t.Helper()
	told, old := 0, otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { told++ }))
	t.Cleanup(func() { otel.SetErrorHandler(old) })
	return &told
}

// Whatever a callback does, the rest is collected, increments of delta counters
// too, and the fault is told once.
func TestFaultsOfCallbacksAreContained(t *testing.T) {
	for name, fault := range map[string]struct {
		class string
		f     func(m metric.Meter, r *metric.Registration) error
	}{
		"error":  {"error", func(metric.Meter, *metric.Registration) error { return errors.New("no") }},
		"panic":  {"panic", func(metric.Meter, *metric.Registration) error { panic("no") }},
		"goexit": {"panic", func(metric.Meter, *metric.Registration) error { runtime.Goexit(); return nil }},
		"hang":   {"timeout", func(metric.Meter, *metric.Registration) error { time.Sleep(3500 * time.Millisecond); return nil }}, //nolint:forbidigo // in a bubble
		"instrument": {"timeout", func(m metric.Meter, _ *metric.Registration) error {
			_, err := m.Int64Counter("made.inside")
			return err
		}},
		"unregister": {"timeout", func(_ metric.Meter, r *metric.Registration) error { return (*r).Unregister() }},
	} {
		t.Run(name, func(t *testing.T) {
			// A bubble's clock stands while a goroutine waits for the SDK's mutex.
			run := synctest.Test
			if name == "instrument" || name == "unregister" {
				run = func(t *testing.T, f func(*testing.T)) { t.Helper(); f(t) }
			}
			run(t, func(t *testing.T) {
				t.Helper()
				told := quiet(t)
				delta := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
				m := newMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(delta))).Meter("test")
				counter, _ := m.Int64Counter("counter")
				bad, _ := m.Int64ObservableGauge("bad")
				var reg metric.Registration
				reg, _ = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
					o.ObserveInt64(bad, 1)
					defer o.ObserveInt64(bad, 2)
					return fault.f(m, &reg)
				}, bad)
				_, _ = m.Float64ObservableGauge("good", metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
					o.Observe(7)
					return nil
				}))
				counter.Add(t.Context(), 8)
				started := time.Now()
				values, faults := collected(t, delta)
				if values["counter"] != 8 || values["good"] != 7 || faults[fault.class] != 1 || *told != 1 {
					t.Errorf("collected %v, faults %v, told %d times", values, faults, *told)
				}
				if _, late := values["bad"]; late == (fault.class == "timeout") {
					t.Errorf("bad is collected: %v", late)
				}
				if took := time.Since(started); name == "hang" && took != callbackTime {
					t.Errorf("took %s", took)
				}
				counter.Add(t.Context(), 5)
				if values, _ := collected(t, delta); values["counter"] != 5 {
					t.Errorf("then collected %v", values)
				}
				if name == "hang" {
					time.Sleep(10 * time.Second) //nolint:forbidigo // in a bubble
				}
			})
		})
	}
}

// A callback that hangs is not started again, and costs the deadline once; when
// it has ended it counts again.
func TestLateCallbackIsNotStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := quiet(t)
		reader := sdkmetric.NewManualReader()
		m := newMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))).Meter("test")
		release, calls := make(chan struct{}), new(atomic.Int64)
		_, _ = m.Int64ObservableGauge("slow", metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			n := calls.Add(1)
			<-release
			o.Observe(n)
			return nil
		}))
		started := time.Now()
		for range 3 {
			if values, _ := collected(t, reader); values["slow"] != 0 {
				t.Errorf("a late value was collected: %v", values)
			}
		}
		if took := time.Since(started); took != callbackTime || calls.Load() != 1 || *told != 1 {
			t.Errorf("took %s, %d calls, told %d times", took, calls.Load(), *told)
		}
		if _, err := m.Int64Counter("new"); err != nil {
			t.Error(err)
		}
		close(release)
		synctest.Wait()
		values, faults := collected(t, reader)
		if values["slow"] != 2 || faults["timeout"] != 3 {
			t.Errorf("collected %v, faults %v", values, faults)
		}
	})
}

func BenchmarkCallback(b *testing.B) {
	for name, provide := range map[string]func(metric.MeterProvider) metric.MeterProvider{
		"raw":     func(p metric.MeterProvider) metric.MeterProvider { return p },
		"guarded": func(p metric.MeterProvider) metric.MeterProvider { return newMeterProvider(p) },
	} {
		b.Run(name, func(b *testing.B) {
			reader := sdkmetric.NewManualReader()
			m := provide(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))).Meter("test")
			_, _ = m.Int64ObservableGauge("g", metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
				o.Observe(1)
				return nil
			}))
			var rm metricdata.ResourceMetrics
			for b.Loop() {
				_ = reader.Collect(b.Context(), &rm)
			}
		})
	}
}
