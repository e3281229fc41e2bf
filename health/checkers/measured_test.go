package checkers

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func TestQueueDepth(t *testing.T) {
	for _, tc := range []struct {
		depth   int64
		err     error
		want    health.State
		message string
	}{
		{99, nil, health.StateHealthy, ""},
		{100, nil, health.StateDegraded, "100 wait"},
		{1000, nil, health.StateUnhealthy, "1000 wait"},
		{-1, nil, health.StateUnhealthy, "queue depth: -1 can't be"},
		{0, errDown, health.StateUnhealthy, "down"},
		{0, health.Degraded(errDown), health.StateDegraded, "down"},
	} {
		check := QueueDepth(func(context.Context) (int64, error) { return tc.depth, tc.err }, CountLimits{Degraded: 100, Unhealthy: 1000})
		got := expect(t, check, tc.want, tc.message)
		if tc.depth > 0 {
			detail(t, got, "queue.depth")
		}
	}
}

func TestClockOffset(t *testing.T) {
	for _, tc := range []struct {
		offset  time.Duration
		err     error
		want    health.State
		message string
	}{
		{time.Second - 1, nil, health.StateHealthy, ""},
		{1 - time.Second, nil, health.StateHealthy, ""},
		{time.Second, nil, health.StateDegraded, "the clock is off by 1s"},
		{-time.Second, nil, health.StateDegraded, "the clock is off by -1s"},
		{-30 * time.Second, nil, health.StateUnhealthy, "the clock is off by -30s"},
		{math.MinInt64, nil, health.StateUnhealthy, "the clock is off by -2562047h47m16.854775808s"},
		{0, errDown, health.StateUnhealthy, "down"},
	} {
		check := ClockOffset(func(context.Context) (time.Duration, error) { return tc.offset, tc.err }, DurationLimits{})
		got := expect(t, check, tc.want, tc.message)
		if tc.err == nil {
			detail(t, got, "clock.offset")
		}
	}
}

func TestConnected(t *testing.T) {
	up := true
	check := Connected(func() bool { return up })
	must(t, check(t.Context()))
	up = false
	if err := check(t.Context()); err == nil || err.Error() != "not connected" {
		t.Errorf("error %v", err)
	}
	up = true
	must(t, check(t.Context()))
}

// The functions of the application get the context of the execution.
func TestMeasuringObeysItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, check := range map[string]func(context.Context) error{
		"queue depth":  QueueDepth(func(ctx context.Context) (int64, error) { return 0, ctx.Err() }, CountLimits{Degraded: 1}),
		"clock offset": ClockOffset(func(ctx context.Context) (time.Duration, error) { return 0, ctx.Err() }, DurationLimits{}),
	} {
		if err := check(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
