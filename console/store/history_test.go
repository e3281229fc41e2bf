package store

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Both histories exist before anybody asks, of every kind and of the runtime.
func TestHistoryInTwoResolutions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, 0)
		c, _ := r.Meter().Int64Counter("shop.orders", metric.WithUnit("{order}"))
		g, _ := r.Meter().Float64Gauge("shop.queue")
		h, _ := r.Meter().Float64Histogram("shop.duration", metric.WithExplicitBucketBoundaries(1, 2, 4, 8))
		const minutes = 60
		for i := range minutes * int(coarseSamples) {
			c.Add(t.Context(), 10)
			g.Record(t.Context(), float64(i%2))
			h.Record(t.Context(), 1.5)
			if i%int(coarseSamples) < 2 { // more than a twentieth of the minute is slow
				h.Record(t.Context(), 5)
			}
			wait(1)
		}
		one := func(name string, window time.Duration) (History, []Number) {
			t.Helper()
			list := r.History(HistoryQuery{Name: name, Window: window})
			if len(list.Series) != 1 || list.Total != 1 || list.Truncated {
				t.Fatalf("%+v", list)
			}
			return list, list.Series[0].Values
		}
		list, v := one("shop.orders", 0)
		if len(v) != historyLen || list.Interval != 5 || v[0] != 2 || v[len(v)-1] != 2 || list.Series[0].Unit != "{order}" || list.Series[0].Kind != kindCounter {
			t.Errorf("fine: %d values, %+v", len(v), list)
		}
		list, v = one("shop.orders", 6*time.Hour)
		if len(v) != minutes || list.Interval != 60 || math.Abs(float64(v[0])-2) > 1e-9 || math.Abs(float64(v[minutes-1])-2) > 1e-9 {
			t.Errorf("coarse: %d values, %+v", len(v), list)
		}
		if past := list.AsOf.Sub(start.Add(minutes * time.Minute)); past < 0 || past > 2*time.Second {
			t.Errorf("as of %s after the hour", past)
		}
		if since := list.Since.Sub(start); since < time.Minute || since > time.Minute+2*time.Second {
			t.Errorf("the first of %d minutes at %s", minutes, since)
		}
		if _, v = one("shop.orders", 16*time.Minute); len(v) != 16 {
			t.Errorf("16 minutes have %d points", len(v))
		}
		if _, v = one("shop.orders", time.Minute); len(v) != 12 {
			t.Errorf("one minute has %d points", len(v))
		}
		if _, v = one("shop.queue", time.Hour); v[30] != 0.5 {
			t.Errorf("the mean of a gauge: %v", v[30])
		}
		_, v = one("shop.duration", time.Hour)
		_, fine := one("shop.duration", time.Minute)
		if !(v[30] >= 4 && fine[11] <= 2) {
			t.Errorf("95th percentile of a minute %v, of its last five seconds %v", v[30], fine[11])
		}
		if _, v = one("goroutines", time.Hour); len(v) != minutes || v[30] < 1 {
			t.Errorf("goroutines: %v", v)
		}
	})
}

func TestHistorySelectsAndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		if b, err := json.Marshal(r.History(HistoryQuery{})); err != nil || !strings.Contains(string(b), `"series":[]`) {
			t.Errorf("%s, %v", b, err)
		}
		g, _ := r.Meter().Int64Gauge("shop.queue")
		for i := range 20 {
			g.Record(t.Context(), 1, metric.WithAttributes(attribute.Int("shelf", i)))
		}
		wait(1)
		if list := r.History(HistoryQuery{Name: "shop.queue", Limit: 5}); list.Total != 20 || len(list.Series) != 5 || !list.Truncated {
			t.Errorf("%d of %d", len(list.Series), list.Total)
		}
		if list := r.History(HistoryQuery{Text: "SHELF=19"}); list.Total != 1 || list.Series[0].Attributes.Get("shelf") != "19" {
			t.Errorf("%+v", list)
		}
	})
}

// What a history takes is what its series is charged for.
func TestHistoryIsAccountedFor(t *testing.T) {
	r := newRig(t, leastBytes)
	g, _ := r.Meter().Int64Gauge("flood")
	for i := range 1900 {
		g.Record(t.Context(), 1, metric.WithAttributes(attribute.Int("i", i)))
	}
	r.metrics.sampler.demand()
	u := r.metrics.usage()
	r.metrics.mu.Lock()
	one := 0
	for _, s := range r.metrics.series {
		one = s.bytes - 8*(cap(s.history.values)+cap(s.coarse.values))
	}
	r.metrics.mu.Unlock()
	if one < 0 || u.Bytes+runtimeBytes > 9*leastBytes/32 {
		t.Errorf("%+v: a series is charged %d bytes beside its history", u, one)
	}
}
