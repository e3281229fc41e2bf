package goruntime

import (
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestFoldKeepsEveryPause(t *testing.T) {
	h := &metrics.Float64Histogram{
		Buckets: []float64{math.Inf(-1), 0, 1, 2, 4, math.Inf(1)},
		Counts:  []uint64{0, 5, 7, 11, 13},
	}
	p := fold(h, []float64{1, 3})
	if want := []uint64{5, 7, 24}; !slices.Equal(p.BucketCounts, want) {
		t.Errorf("buckets %v, want %v: the bucket (2,4] straddles 3 and must count as longer", p.BucketCounts, want)
	}
	if p.Count != 36 {
		t.Errorf("count %d, want 36", p.Count)
	}
	if want := 5.0*1 + 7*2 + 11*4 + 13*4; p.Sum != want {
		t.Errorf("sum %v, want %v", p.Sum, want)
	}
}

func TestHistogramsAreProducedInFewBuckets(t *testing.T) {
	runtime.GC()
	began := time.Now()
	scopes, err := NewHistograms(began).Produce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range scopes[0].Metrics {
		names = append(names, m.Name)
		p := m.Data.(metricdata.Histogram[float64]).DataPoints[0]
		if p.Count == 0 || m.Unit != "s" || m.Description == "" || !p.StartTime.Equal(began) || p.Time.Before(began) {
			t.Errorf("%+v", m)
		}
		if n := len(p.Bounds); n > 13 || !slices.IsSorted(p.Bounds) || len(p.BucketCounts) != n+1 {
			t.Errorf("%s has %d bounds, %v, and %d counts", m.Name, n, p.Bounds, len(p.BucketCounts))
		}
	}
	if want := []string{"go.schedule.duration", "go.memory.gc.pause.duration"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestQuantilesOfTheScheduleAreRightWithinFour(t *testing.T) {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	own := sample[0].Value.Float64Histogram().Buckets
	for waited := 1.1e-6; waited < 1; waited *= 1.01 {
		h := &metrics.Float64Histogram{Buckets: own, Counts: make([]uint64, len(own)-1)}
		at, _ := slices.BinarySearch(own, waited)
		h.Counts[at-1] = 1000
		p := fold(h, scheduleBuckets())
		for _, q := range []float64{.5, .99} {
			if got := quantile(q, p); got > waited*4 || got < waited/4 {
				t.Fatalf("all wait %v, and quantile %v is %v", waited, q, got)
			}
		}
		if long := quantile(.5, p) > .1; long != (waited > .101) {
			t.Fatalf("all wait %v, and whether they wait a tenth of a second is %v", waited, long)
		}
	}
}

// quantile estimates as Prometheus does: linear within the bucket.
func quantile(q float64, p metricdata.HistogramDataPoint[float64]) float64 {
	rank, below, from := q*float64(p.Count), 0.0, 0.0
	for i, to := range p.Bounds {
		n := float64(p.BucketCounts[i])
		if below+n >= rank {
			return from + (to-from)*(rank-below)/n
		}
		below, from = below+n, to
	}
	return from
}
