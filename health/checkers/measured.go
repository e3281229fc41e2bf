package checkers

import (
	"context"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// QueueDepth checks how much waits: messages of a queue, jobs of a table, the
// lag of a consumer. depth asks for it, over the application's own connection.
// There is no default limit. The detail is queue.depth.
func QueueDepth(depth func(context.Context) (int64, error), l CountLimits) func(context.Context) error {
	fault := l.fault()
	if depth == nil {
		fault = "the function is nil"
	}
	if fault != "" {
		return broken("queue depth", fault)
	}
	return func(ctx context.Context) error {
		n, err := depth(ctx)
		switch {
		case err != nil:
			return err
		case n < 0:
			return fmt.Errorf("queue depth: %d can't be", n) // many clients say "unknown" this way
		}
		health.Detail(ctx, attribute.Int64("queue.depth", n))
		return l.judge(n, fmt.Errorf("%d wait", n))
	}
}

// ClockOffset checks how far this machine's clock is off, ahead or behind.
// offset asks whoever knows: an NTP client, chrony, a database's now(). By
// default 1 s is degraded and 30 s are unhealthy, by when tokens and one-time
// passwords begin to fail. The detail clock.offset is in seconds.
func ClockOffset(offset func(context.Context) (time.Duration, error), l DurationLimits) func(context.Context) error {
	l = l.or(time.Second, 30*time.Second)
	fault := l.fault()
	if offset == nil {
		fault = "the function is nil"
	}
	if fault != "" {
		return broken("clock offset", fault)
	}
	return func(ctx context.Context) error {
		off, err := offset(ctx)
		if err != nil {
			return err
		}
		health.Detail(ctx, attribute.Float64("clock.offset", off.Seconds()))
		size := max(off, -max(off, -math.MaxInt64)) // the least duration has no positive
		return l.judge(size, fmt.Errorf("the clock is off by %v", off))
	}
}
