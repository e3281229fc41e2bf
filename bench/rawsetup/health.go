package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// memory fails when the live heap nears GOMEMLIMIT.
func memory(context.Context) error {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return nil
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if live := sample[0].Value.Uint64(); float64(live) > 0.97*float64(limit) {
		return fmt.Errorf("live heap is %d of %d bytes", live, limit)
	}
	return nil
}

// watched is one health check: a gauge and a probe.
type watched struct {
	check func(context.Context) error
	fault atomic.Pointer[error]
}

func watch(name string, check func(context.Context) error) (*watched, error) {
	w := &watched{check: check}
	attrs := metric.WithAttributes(attribute.String("health.check.name", name))
	_, err := otel.Meter(scope).Int64ObservableGauge(
		"health.check.healthy",
		metric.WithDescription("1 if the check is healthy, else 0."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			if w.healthy() {
				o.Observe(1, attrs)
			} else {
				o.Observe(0, attrs)
			}
			return nil
		}),
	)
	return w, err
}

func (w *watched) healthy() bool {
	fault := w.fault.Load()
	return fault != nil && *fault == nil
}

func (w *watched) run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		w.once(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *watched) once(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := w.check(ctx)
	w.fault.Store(&err)
}

// ServeHTTP implements http.Handler.
func (w *watched) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	if !w.healthy() {
		rw.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(rw, "unhealthy")
		return
	}
	_, _ = fmt.Fprintln(rw, "ok")
}
