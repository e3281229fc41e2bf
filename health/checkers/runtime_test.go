package checkers

import (
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func TestGoroutines(t *testing.T) {
	before := int64(runtime.NumGoroutine())
	end := make(chan struct{})
	defer close(end)
	for range 100 {
		go func() { <-end }()
	}
	for name, tc := range map[string]struct {
		l    CountLimits
		want health.State
	}{
		"default":   {CountLimits{}, health.StateHealthy},
		"degraded":  {CountLimits{Degraded: before + 100}, health.StateDegraded},
		"unhealthy": {CountLimits{Unhealthy: before + 100}, health.StateUnhealthy},
	} {
		got := expect(t, Goroutines(tc.l), tc.want, "")
		if n, _ := strconv.ParseInt(detail(t, got, "go.goroutines"), 10, 64); n < before+100 {
			t.Errorf("%s: %d goroutines", name, n)
		}
	}
}

func TestQuantile(t *testing.T) {
	buckets := []float64{math.Inf(-1), 0, 0.001, 0.01, 0.1, math.Inf(1)}
	for name, tc := range map[string]struct {
		counts []uint64
		rank   uint64
		want   time.Duration
	}{
		"first of one":        {[]uint64{0, 0, 1, 0, 0}, 1, 10 * time.Millisecond},
		"just within":         {[]uint64{0, 99, 1, 0, 0}, 99, time.Millisecond},
		"just beyond":         {[]uint64{0, 99, 1, 0, 0}, 100, 10 * time.Millisecond},
		"beyond every bound":  {[]uint64{0, 0, 0, 0, 3}, 3, 100 * time.Millisecond},
		"below every bound":   {[]uint64{3, 0, 0, 0, 0}, 3, 0},
		"empty buckets after": {[]uint64{0, 5, 0, 0, 0}, 5, time.Millisecond},
		"nothing":             {make([]uint64, 5), 0, 0},
	} {
		if got := quantile(tc.counts, buckets, tc.rank); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// A pause fails the execution that follows it and none after that, although
// the runtime's histogram keeps it for ever.
func TestGCPauseForgets(t *testing.T) {
	runtime.GC() // before the checker is made, so none of its business
	check := GCPause(DurationLimits{Unhealthy: 1})
	runtime.GC()
	got := expect(t, check, health.StateUnhealthy, "")
	if seconds, _ := strconv.ParseFloat(detail(t, got, "go.gc.pause.max"), 64); seconds <= 0 || seconds > 10 {
		t.Errorf("%v s (%s)", seconds, got.Message)
	}

	h := growthOf("/sched/pauses/total/gc:seconds")
	runtime.GC()
	if value, n := h.quantile(1); n == 0 || value <= 0 {
		t.Errorf("%d pauses of %v after a collection", n, value)
	}
	for range 100 { // until there was an execution without a collection
		if _, n := h.quantile(1); n == 0 {
			return
		}
	}
	t.Error("the pause is never forgotten")
}

func TestSchedulerLatency(t *testing.T) {
	check := SchedulerLatency(DurationLimits{Unhealthy: 1})
	for range 1000 { // the runtime samples one wait of eight
		done := make(chan struct{})
		go func() { close(done) }()
		<-done
	}
	got := expect(t, check, health.StateUnhealthy, "")
	if seconds, _ := strconv.ParseFloat(detail(t, got, "go.scheduler.latency.p99"), 64); seconds <= 0 || seconds > 100 {
		t.Errorf("%v s", seconds)
	}
	if !strings.HasPrefix(got.Message, "99 % of ") {
		t.Errorf("message %q", got.Message)
	}
	expect(t, SchedulerLatency(DurationLimits{Unhealthy: time.Hour}), health.StateHealthy, "")
}

// The executions share the memory of the first reading.
func TestGrowthAllocatesNothing(t *testing.T) {
	h := growthOf("/sched/latencies:seconds")
	if n := testing.AllocsPerRun(100, func() { h.quantile(0.99) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
