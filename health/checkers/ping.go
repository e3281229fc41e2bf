package checkers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// Ping checks anything with a Ping method, such as a pgxpool.Pool. Use the pool
// that the application works with: a connection of the check's own would say
// nothing about it.
func Ping(target interface {
	Ping(ctx context.Context) error
},
) func(context.Context) error {
	if target == nil {
		return broken("ping", "the target is nil")
	}
	return target.Ping
}

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

// broken is the check of a checker that was given nonsense. It fails each time,
// so the fault shows where one looks for it.
func broken(checker, fault string) func(context.Context) error {
	err := errors.New(checker + " checker: " + fault)
	return func(context.Context) error { return err }
}
