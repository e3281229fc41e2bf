package otelmon

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

func TestGCPausesAreProduced(t *testing.T) {
	runtime.GC()
	scopes, err := newGCPauses(time.Now()).Produce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := scopes[0].Metrics[0]
	if m.Name != "go.memory.gc.pause.duration" || m.Unit != "s" {
		t.Errorf("got %s in %s", m.Name, m.Unit)
	}
	if n := m.Data.(metricdata.Histogram[float64]).DataPoints[0].Count; n == 0 {
		t.Error("no pause after a collection")
	}
}
