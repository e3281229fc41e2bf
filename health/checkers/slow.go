package checkers

import (
	"context"
	"fmt"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// Slow degrades check when a healthy answer takes longer than limit. A failure
// stays what it was. limit should lie below the check's Timeout.
func Slow(limit time.Duration, check func(context.Context) error) func(context.Context) error {
	if check == nil {
		return broken("slow", "the check is nil")
	}
	return func(ctx context.Context) error {
		start := time.Now()
		if err := check(ctx); err != nil {
			return err
		}
		if took := time.Since(start); took > limit {
			return health.Degraded(fmt.Errorf("answered after %v, more than %v", took.Round(time.Microsecond), limit))
		}
		return nil
	}
}
