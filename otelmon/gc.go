package otelmon

import (
	"context"
	"math"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/semconv/v1.43.0/goconv"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// gcPauses produces go.memory.gc.pause.duration, which the contrib runtime
// instrumentation leaves out. The runtime keeps a histogram of its own, with
// some hundred buckets; they are folded into a few.
type gcPauses struct {
	mu      sync.Mutex
	started time.Time
	sample  []metrics.Sample
}

func newGCPauses(started time.Time) *gcPauses {
	return &gcPauses{started: started, sample: []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}}
}

// Produce implements the SDK's metric.Producer.
func (g *gcPauses) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	metrics.Read(g.sample)
	if g.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil, nil // this Go release measures no pauses
	}
	point := fold(g.sample[0].Value.Float64Histogram(), []float64{1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, .001, .0025, .005, .01, .05, .1, 1})
	point.StartTime, point.Time = g.started, time.Now()
	var pause goconv.MemoryGCPauseDuration
	return []metricdata.ScopeMetrics{{
		Scope: instrumentation.Scope{Name: keys.ScopeOtelmon},
		Metrics: []metricdata.Metrics{{
			Name:        pause.Name(),
			Description: pause.Description(),
			Unit:        pause.Unit(),
			Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints:  []metricdata.HistogramDataPoint[float64]{point},
			},
		}},
	}}, nil
}

// fold moves the counts of h into the buckets that bounds end. A bucket of h
// that straddles a bound goes to the upper side, so that no pause is reported
// shorter than it may have been. The sum takes each bucket's upper end, where
// it has one, for the same reason.
func fold(h *metrics.Float64Histogram, bounds []float64) metricdata.HistogramDataPoint[float64] {
	p := metricdata.HistogramDataPoint[float64]{Bounds: bounds, BucketCounts: make([]uint64, len(bounds)+1)}
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		end := h.Buckets[i+1]
		at, _ := slices.BinarySearch(bounds, end)
		p.BucketCounts[at] += n
		p.Count += n
		if math.IsInf(end, 1) {
			end = h.Buckets[i]
		}
		p.Sum += end * float64(n)
	}
	return p
}
