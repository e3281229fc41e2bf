package store

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// wait lets the sampler take n samples.
func wait(n int) {
	time.Sleep(time.Duration(n)*sampleInterval + time.Millisecond) //nolint:forbidigo // synctest's clock
	synctest.Wait()
}

func (r *rig) one(t *testing.T, name string) Series {
	t.Helper()
	r.metrics.fresh()
	list := r.metrics.named(name)
	if len(list) != 1 {
		t.Fatalf("%d series of %s", len(list), name)
	}
	return list[0]
}

func TestHistoryExistsBeforeAnybodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		c, _ := r.Meter().Int64Counter("shop.orders")
		g, _ := r.Meter().Float64Gauge("shop.queue")
		h, _ := r.Meter().Float64Histogram("shop.duration", metric.WithExplicitBucketBoundaries(1, 2, 4))
		for i := range 3 {
			c.Add(t.Context(), 50)
			g.Record(t.Context(), float64(i))
			h.Record(t.Context(), 1.5)
			wait(1)
		}
		orders := r.one(t, "shop.orders")
		if orders.Value != 150 || orders.Rate != 10 || len(orders.History) != 3 || orders.History[0].Known() || orders.History[2] != 10 {
			t.Errorf("counter: %+v", orders)
		}
		if q := r.one(t, "shop.queue"); q.Value != 2 || len(q.History) != 3 || q.History[1] != 1 || q.Rate.Known() {
			t.Errorf("gauge: %+v", q)
		}
		d := r.one(t, "shop.duration")
		if d.Count != 3 || d.Avg != 1.5 || d.P50 != 1.5 || d.Max != 1.5 || d.Value.Known() || math.Abs(float64(d.Rate)-0.2) > 1e-9 {
			t.Errorf("histogram: %+v", d)
		}
	})
}

func TestHistoryIsBoundedAndMarksGaps(t *testing.T) {
	h := newHistory(historyLen)
	for _, n := range []int64{3, 4, 7} {
		h.add(n, float64(n))
	}
	got := h.until(8)
	if len(got) != 6 || got[0] != 3 || got[1] != 4 || got[2].Known() || got[3].Known() || got[4] != 7 || got[5].Known() {
		t.Errorf("%v", got)
	}
	for n := int64(1000); n < 2000; n++ {
		h.add(n, float64(n))
	}
	if got := h.until(1999); len(got) != historyLen || got[0] != 1999-historyLen+1 || got[historyLen-1] != 1999 {
		t.Errorf("%d values, %v…%v", len(got), got[0], got[len(got)-1])
	}
}

func TestVanishedSeriesLeaveThePageAtOnceAndTheStoreInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		g, _ := r.Meter().Float64ObservableGauge("bulk.operation.progress")
		reg, err := r.Meter().RegisterCallback(func(_ context.Context, o metric.Observer) error {
			o.ObserveFloat64(g, 0.5)
			return nil
		}, g)
		if err != nil {
			t.Fatal(err)
		}
		wait(1)
		r.one(t, "bulk.operation.progress")
		if err := reg.Unregister(); err != nil {
			t.Fatal(err)
		}
		wait(1)
		if list := r.metrics.named("bulk.operation.progress"); len(list) != 0 {
			t.Errorf("still shown: %+v", list)
		}
		if r.metrics.usage().Kept != 1 {
			t.Error("forgotten at once: a gap would lose the history")
		}
		wait(forgetAfter + 1)
		if u := r.metrics.usage(); u.Kept != 0 || u.Bytes != 0 {
			t.Errorf("never forgotten: %+v", u)
		}
	})
}

func TestSeriesAreBoundedAndLeaveRoomForHealth(t *testing.T) {
	r := newRig(t, leastBytes)
	g, _ := r.Meter().Int64Gauge("flood")
	for i := range 1900 {
		g.Record(t.Context(), 1, metric.WithAttributes(attribute.Int("i", i)))
	}
	r.metrics.fresh()
	h, _ := r.Meter().Int64Gauge("health.check.status")
	h.Record(t.Context(), 1)
	r.metrics.sampler.demand()
	u := r.metrics.usage()
	if u.Bytes > u.MaxBytes || u.Dropped == 0 {
		t.Errorf("%+v", u)
	}
	if len(r.metrics.named("health.check.status")) != 1 {
		t.Error("the flood took the room of health")
	}
	if list := r.Metrics("flood", 10); !list.Truncated || list.Total <= 10 || len(list.Instruments[0].Series) != 10 {
		t.Errorf("total %d, truncated %v", list.Total, list.Truncated)
	}
}

func TestLastDataStaysAfterShutdown(t *testing.T) {
	r := newRig(t, 0)
	c, _ := r.Meter().Int64Counter("shop.orders")
	c.Add(t.Context(), 7)
	if err := r.MP.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := r.one(t, "shop.orders"); s.Value != 7 {
		t.Errorf("%+v", s)
	}
	select {
	case <-r.metrics.sampler.done:
	default:
		t.Error("Shutdown did not wait for the goroutine")
	}
}

func TestCallbackThatPanicsCostsItsCollectionOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		var fine atomic.Bool
		_, err := r.Meter().Int64ObservableGauge("shop.mood", metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if !fine.Load() {
				panic("callback")
			}
			o.Observe(1)
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		wait(2)
		if n := r.Summary().Panics; n < 2 {
			t.Errorf("%d panics counted", n)
		}
		fine.Store(true)
		wait(1)
		r.one(t, "shop.mood")
	})
}

func TestCallbackThatHangsHoldsUpNeitherPageNorShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(0)
		mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(c.MetricReader()))
		release := make(chan struct{})
		_, err := mp.Meter("x").Int64ObservableGauge("hang", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
			<-release
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		c.Health()
		for range 20 { // who looks next does not wait again
			c.Summary()
		}
		if waited := time.Since(start); waited > patience {
			t.Errorf("views waited %s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.MetricReader().Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if waited := time.Since(start); waited > 2*time.Second {
			t.Errorf("Shutdown took %s", waited)
		}
		close(release)
		<-c.metrics.sampler.done
	})
}

func TestReaderIsOneAndShutsDownTwice(t *testing.T) {
	c := New(0)
	r := c.MetricReader()
	if r != c.MetricReader() {
		t.Error("two readers")
	}
	for range 2 {
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestQuantiles(t *testing.T) {
	nan := math.NaN()
	for _, tc := range []struct {
		name string
		r    reading
		q    float64
		want float64
	}{
		{"empty", reading{}, 0.5, nan},
		{"middle of a bucket", reading{bounds: []float64{0, 10}, counts: []uint64{0, 4, 0}, min: nan, max: nan}, 0.5, 5},
		{"extremes narrow it", reading{bounds: []float64{0, 10}, counts: []uint64{0, 4, 0}, min: 8, max: 9}, 0.5, 8.5},
		{"open end with a maximum", reading{bounds: []float64{1}, counts: []uint64{0, 2}, min: 3, max: 5}, 1, 5},
		{"open end without", reading{bounds: []float64{1}, counts: []uint64{0, 2}, min: nan, max: nan}, 0.95, 1},
		{"no buckets", reading{counts: []uint64{3}, min: 2, max: 4}, 0.5, 3},
		{"nothing known", reading{counts: []uint64{3}, min: nan, max: nan}, 0.5, nan},
	} {
		got := tc.r.quantile(tc.q)
		if math.Abs(got-tc.want) > 1e-9 || math.IsNaN(got) != math.IsNaN(tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestQuantileOfAnInterval(t *testing.T) {
	bounds := []float64{1, 2, 4}
	old := reading{count: 100, bounds: bounds, counts: []uint64{100, 0, 0, 0}, min: 0, max: 1}
	now := reading{count: 102, bounds: bounds, counts: []uint64{100, 0, 2, 0}, min: 0, max: 4}
	if got := now.since(old).quantile(0.5); got != 3 {
		t.Errorf("%v, want 3: only the two new ones count", got)
	}
	if got := old.since(now); got.count != 0 {
		t.Errorf("a reset gave %+v", got)
	}
}

func TestExponentialBuckets(t *testing.T) {
	bounds, counts := explicit(0, 1,
		metricdata.ExponentialBucket{Offset: 0, Counts: []uint64{5}},
		metricdata.ExponentialBucket{Offset: 1, Counts: []uint64{2, 3}})
	r := reading{bounds: bounds, counts: counts, min: math.NaN(), max: math.NaN()}
	if len(counts) != len(bounds)+1 || bounds[0] != -1 || bounds[1] != 0 || bounds[2] != 4 || bounds[3] != 8 {
		t.Errorf("%v %v", bounds, counts)
	}
	if got := r.quantile(1); got != 8 {
		t.Errorf("maximum %v", got)
	}
	if got := r.quantile(0.01); got > -1 {
		t.Errorf("minimum %v", got)
	}
}

func TestRuntimeFiguresHaveValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		wait(3)
		report := r.Runtime()
		for _, f := range report.Figures {
			if (f.Name == "goroutines" || f.Name == "heap" || f.Name == "memory") && f.Value <= 0 {
				t.Errorf("%s is %v", f.Name, f.Value)
			}
			if len(f.History) != 3 {
				t.Errorf("%s has %d points after three intervals", f.Name, len(f.History))
			}
		}
		if len(report.Figures) != len(runtimeTable()) {
			t.Errorf("%d figures", len(report.Figures))
		}
	})
}
