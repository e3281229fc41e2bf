// Package goruntime produces the histograms that the Go runtime keeps itself, in
// few buckets: each bucket is a series of every instance, and the runtime has 160.
package goruntime

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

// Histograms produces go.schedule.duration and go.memory.gc.pause.duration, both
// since the process began. It is a producer of the SDK for one reader or several.
type Histograms struct {
	mu      sync.Mutex
	started time.Time
	sample  []metrics.Sample
	kinds   []kind // of the samples
}

// kind is what a histogram of the runtime becomes.
type kind struct {
	name, description, unit string
	bounds                  []float64
}

// NewHistograms returns the histograms of a program that started then.
func NewHistograms(started time.Time) *Histograms {
	var (
		schedule goconv.ScheduleDuration
		pause    goconv.MemoryGCPauseDuration
	)
	return &Histograms{
		started: started,
		sample:  []metrics.Sample{{Name: "/sched/latencies:seconds"}, {Name: "/sched/pauses/total/gc:seconds"}},
		kinds: []kind{
			{schedule.Name(), schedule.Description(), schedule.Unit(), scheduleBuckets()},
			{pause.Name(), pause.Description(), pause.Unit(), []float64{1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, .001, .0025, .005, .01, .05, .1, 1}},
		},
	}
}

// scheduleBuckets goes from 1 µs to 1 s in steps of four, with a tenth of a second,
// the limit of the alert rule, between. All are boundaries of the runtime's own, so
// that none of its buckets straddles one.
func scheduleBuckets() []float64 {
	return []float64{
		1.024e-6, 4.096e-6, 1.6384e-5, 6.5536e-5, 2.62144e-4, .001048576, .004194304, .016777216, .067108864,
		.100663296, .268435456, 1.073741824,
	}
}

// Produce implements the SDK's metric.Producer. What this Go release does not
// measure is left out.
func (h *Histograms) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	metrics.Read(h.sample)
	scope := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: keys.ScopeOtelmon}}
	for i, k := range h.kinds {
		if h.sample[i].Value.Kind() != metrics.KindFloat64Histogram {
			continue
		}
		point := fold(h.sample[i].Value.Float64Histogram(), k.bounds)
		point.StartTime, point.Time = h.started, time.Now()
		scope.Metrics = append(scope.Metrics, metricdata.Metrics{
			Name: k.name, Description: k.description, Unit: k.unit,
			Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints:  []metricdata.HistogramDataPoint[float64]{point},
			},
		})
	}
	return []metricdata.ScopeMetrics{scope}, nil
}

// fold moves the counts of h into the buckets that bounds end. A bucket of h
// that straddles a bound goes to the upper side, so that nothing is reported
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
