package health

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
)

func set(attrs ...attribute.KeyValue) attribute.Set { return attribute.NewSet(attrs...) }

func stateSet(state State, attrs ...attribute.KeyValue) []metricdata.DataPoint[int64] {
	var points []metricdata.DataPoint[int64]
	for _, s := range states() {
		key := attribute.Key("health.check.state")
		if len(attrs) == 0 {
			key = "health.state"
		}
		points = append(points, metricdata.DataPoint[int64]{
			Attributes: set(append([]attribute.KeyValue{key.String(s.String())}, attrs...)...),
			Value:      oneIf(s == state),
		})
	}
	return points
}

func TestGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		state := atomic.Pointer[error]{}
		state.Store(new(error))
		r := New(o)
		r.random = func() float64 { return 0 }
		must(t, r.Register(Check{Name: "c", Critical: true, Interval: 10 * time.Second, Timeout: time.Second, Func: func(context.Context) error { return *state.Load() }}))
		name, critical := attribute.String("health.check.name", "c"), attribute.Bool("health.check.critical", true)
		want := func(s State, severity int64) {
			t.Helper()
			m := got.collect(t)
			for metric, points := range map[string][]metricdata.DataPoint[int64]{
				"health.check.status": stateSet(s, name, critical),
				"health.status":       stateSet(s),
			} {
				sum := m[metric]
				if sum.Unit != "1" {
					t.Errorf("%s has unit %q", metric, sum.Unit)
				}
				metricdatatest.AssertAggregationsEqual(t, metricdata.Sum[int64]{
					DataPoints: points, Temporality: metricdata.CumulativeTemporality,
				}, sum.Data, metricdatatest.IgnoreTimestamp())
			}
			gauge, found := m["health.check.severity"]
			if found == (s == StateUnknown) {
				t.Errorf("severity found: %t while %s", found, s)
			}
			if !found {
				return
			}
			if gauge.Unit != "" {
				t.Errorf("severity has unit %q: Prometheus would append _ratio", gauge.Unit)
			}
			metricdatatest.AssertAggregationsEqual(t, metricdata.Gauge[int64]{
				DataPoints: []metricdata.DataPoint[int64]{{Attributes: set(name, critical), Value: severity}},
			}, gauge.Data, metricdatatest.IgnoreTimestamp())
		}
		timestamps := func(completion, success float64) {
			t.Helper()
			m := got.collect(t)
			for metric, value := range map[string]float64{
				"health.check.last_completion.timestamp": completion, "health.check.last_success.timestamp": success,
			} {
				gauge, found := m[metric]
				if found != (value != 0) {
					t.Errorf("%s found: %t, want value %v", metric, found, value)
					continue
				}
				if !found {
					continue
				}
				if gauge.Unit != "s" {
					t.Errorf("%s has unit %q", metric, gauge.Unit)
				}
				metricdatatest.AssertAggregationsEqual(t, metricdata.Gauge[float64]{
					DataPoints: []metricdata.DataPoint[float64]{{Attributes: set(name), Value: value}},
				}, gauge.Data, metricdatatest.IgnoreTimestamp())
			}
		}
		start := unixSeconds(time.Now())
		want(StateUnknown, 0)
		timestamps(0, 0)
		must(t, r.Start(t.Context()))
		advance(0)
		want(StateHealthy, 0)
		timestamps(start, start)
		state.Store(new(Degraded(errDown)))
		advance(14 * time.Second) // second and third at 5 s and 14 s
		want(StateDegraded, 1)
		state.Store(new(errDown))
		advance(9 * time.Second)
		want(StateUnhealthy, 2)
		timestamps(start+23, start)
		postpone(r, time.Now().Add(time.Hour))
		advance(time.Minute)
		want(StateUnknown, 0)

		r.Unregister("c")
		m := got.collect(t)
		for metric := range m {
			if strings.HasPrefix(metric, "health.check.") && metric != "health.check.duration" && metric != "health.check.transitions" {
				t.Errorf("%s is still there after Unregister", metric)
			}
		}
		must(t, r.Shutdown(t.Context()))
		if _, found := got.collect(t)["health.status"]; found {
			t.Error("health.status is still there after Shutdown")
		}
	})
}

// Under a reader that prefers deltas the state of an unchanged check must not
// read 0.
func TestStatusIsCumulativeUnderDeltaPreference(t *testing.T) {
	reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	got := &telemetryOf{reader: reader}
	r := New(Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	must(t, r.Register(Check{Name: "c", Func: pass}))
	for range 3 {
		sum := got.collect(t)["health.check.status"].Data.(metricdata.Sum[int64])
		if sum.Temporality != metricdata.CumulativeTemporality || sum.IsMonotonic {
			t.Errorf("temporality %v, monotonic %t", sum.Temporality, sum.IsMonotonic)
		}
		for _, p := range sum.DataPoints {
			if s, _ := p.Attributes.Value("health.check.state"); s.AsString() == "unknown" && p.Value != 1 {
				t.Errorf("unknown reads %d", p.Value)
			}
		}
	}
	must(t, r.Shutdown(t.Context()))
}

// Whenever one looks, a check is in one state.
func TestGaugesConcurrentSafe(t *testing.T) {
	o, got := recording(t)
	r := New(o)
	var n atomic.Int32
	const checks = 20
	for i := range checks {
		must(t, r.Register(Check{Name: fmt.Sprint("c", i), Critical: true, Interval: MinInterval, Func: func(context.Context) error {
			return []error{nil, errDown, Degraded(errDown)}[n.Add(1)%3]
		}}))
	}
	must(t, r.Start(t.Context()))
	for range 60 {
		sums := map[string]int64{}
		m := got.collect(t)
		points := append(m["health.check.status"].Data.(metricdata.Sum[int64]).DataPoints, m["health.status"].Data.(metricdata.Sum[int64]).DataPoints...)
		anyBad, allGood := false, true
		for _, p := range points {
			name, _ := p.Attributes.Value("health.check.name")
			sums[name.AsString()] += p.Value
			state, isCheck := p.Attributes.Value("health.check.state")
			if isCheck && p.Value == 1 {
				anyBad = anyBad || state.AsString() == "unhealthy"
				allGood = allGood && state.AsString() == "healthy"
			}
			if state, isService := p.Attributes.Value("health.state"); isService && p.Value == 1 {
				if (state.AsString() == "unhealthy") != anyBad || (state.AsString() == "healthy") != allGood {
					t.Errorf("the service is %s, but a check unhealthy: %t, all healthy: %t", state.AsString(), anyBad, allGood)
				}
			}
		}
		if len(points) != 4*checks+4 || len(sums) != checks+1 {
			t.Fatalf("%d points of %d names", len(points), len(sums))
		}
		for name, sum := range sums {
			if sum != 1 {
				t.Fatalf("%q is in %d states", name, sum)
			}
		}
	}
	must(t, r.Shutdown(t.Context()))
}

// A collection must not wait for a check, whatever that waits for.
func TestCollectionDoesNotWaitForHungCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		release := make(chan struct{})
		var checks []Check
		for i := range 10 {
			checks = append(checks, Check{Name: fmt.Sprint("c", i), Timeout: time.Second, Func: func(context.Context) error { <-release; return nil }})
		}
		begin(t, o, checks...)
		advance(time.Second)
		start := time.Now()
		got.collect(t)
		advance(time.Minute)
		got.collect(t)
		if time.Since(start) != time.Minute {
			t.Error("the collection took time")
		}
		close(release)
	})
}
