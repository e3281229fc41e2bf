package health

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// A scheduler that can't keep up says so, since late results are still believed
// for a while.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		o.Concurrency = 1
		r := begin(t, o,
			Check{Name: "long", Interval: time.Second, Timeout: time.Hour, Func: func(context.Context) error { advanceInCheck(10 * time.Second); return nil }},
			Check{Name: "short", Interval: time.Second, Func: pass})
		if lag := r.Report().Lag; lag != 0 {
			t.Errorf("late by %v at the start", lag)
		}
		advance(5 * time.Second)
		lag := r.Report().Lag
		if lag < 3*time.Second || lag > 5*time.Second {
			t.Errorf("late by %v although the only slot is taken since 100 ms", lag)
		}
		if gauge := got.collect(t)["health.scheduler.lag"].Data.(metricdata.Gauge[float64]).DataPoints[0].Value; gauge != lag.Seconds() {
			t.Errorf("the gauge says %v s, the report %v", gauge, lag)
		}
	})
}
