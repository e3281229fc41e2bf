package checkers

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// Goroutines checks how many there are, which a leak lets grow without end. By
// default 10,000 are degraded and 100,000 unhealthy; a server with as many
// connections needs limits of its own. The detail is go.goroutines. A deadlock
// need not show here: see [Lock] and [Heartbeat].
func Goroutines(l CountLimits) func(context.Context) error {
	l = l.or(10_000, 100_000)
	if fault := l.fault(); fault != "" {
		return broken("goroutines", fault)
	}
	return func(ctx context.Context) error {
		n := int64(runtime.NumGoroutine())
		health.Detail(ctx, attribute.Int64("go.goroutines", n))
		return l.judge(n, fmt.Errorf("%d goroutines", n))
	}
}

// SchedulerLatency checks how long goroutines that are ready wait for a
// processor: the 99th percentile since the last execution, at first since the
// checker was made. It rises when the process has too little CPU, as under a
// CPU limit. By default 50 ms are degraded and 500 ms unhealthy. The detail
// go.scheduler.latency.p99 is in seconds, at most an eighth too high.
func SchedulerLatency(l DurationLimits) func(context.Context) error {
	return distribution{
		checker: "scheduler latency", metric: "/sched/latencies:seconds", detail: "go.scheduler.latency.p99",
		quantile: 0.99, text: "99 %% of %d waits for a processor took up to %v",
	}.check(l.or(50*time.Millisecond, 500*time.Millisecond))
}

// GCPause checks the longest time that the garbage collector has stopped the
// world since the last execution, at first since the checker was made. So an
// old pause is forgotten. By default 20 ms are degraded and 200 ms unhealthy.
// The detail go.gc.pause.max is in seconds, at most an eighth too high.
func GCPause(l DurationLimits) func(context.Context) error {
	return distribution{
		checker: "gc pause", metric: "/sched/pauses/total/gc:seconds", detail: "go.gc.pause.max",
		quantile: 1, text: "the longest of %d pauses for the garbage collector took up to %v",
	}.check(l.or(20*time.Millisecond, 200*time.Millisecond))
}

// distribution judges a quantile of a runtime metric's histogram.
type distribution struct {
	checker, metric, detail, text string
	quantile                      float64
}

func (d distribution) check(l DurationLimits) func(context.Context) error {
	if fault := l.fault(); fault != "" {
		return broken(d.checker, fault)
	}
	h := growthOf(d.metric)
	return func(ctx context.Context) error {
		value, n := h.quantile(d.quantile)
		if n == 0 {
			return nil
		}
		health.Detail(ctx, attribute.Float64(d.detail, value.Seconds()))
		return l.judge(value, fmt.Errorf(d.text, n, value))
	}
}

// growth is what came to a histogram between two readings. The runtime's own
// counts go back to the start of the process, where one bad moment would stay
// for ever. The memory of a reading is used again.
type growth struct {
	mu     sync.Mutex
	sample []metrics.Sample
	before []uint64
	grown  []uint64
}

func growthOf(metric string) *growth {
	g := &growth{sample: []metrics.Sample{{Name: metric}}}
	metrics.Read(g.sample)
	g.before = slices.Clone(g.sample[0].Value.Float64Histogram().Counts)
	g.grown = make([]uint64, len(g.before))
	return g
}

// quantile returns an upper bound of the quantile of the n values since the
// last call.
func (g *growth) quantile(q float64) (value time.Duration, n uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	metrics.Read(g.sample)
	h := g.sample[0].Value.Float64Histogram()
	for i, count := range h.Counts {
		g.grown[i] = count - min(count, g.before[i])
		n += g.grown[i]
	}
	copy(g.before, h.Counts)
	return quantile(g.grown, h.Buckets, uint64(math.Ceil(q*float64(n)))), n
}

// quantile is the upper end of the bucket with the value of that rank, or its
// lower end if there is none.
func quantile(counts []uint64, buckets []float64, rank uint64) time.Duration {
	var seen uint64
	for i, count := range counts {
		seen += count
		if count == 0 || seen < rank {
			continue
		}
		bound := buckets[i+1]
		if math.IsInf(bound, 1) {
			bound = buckets[i]
		}
		return time.Duration(bound * float64(time.Second))
	}
	return 0
}
