package checkers

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// Lock checks that a lock of the application can be had, which a deadlock makes
// impossible for ever and no count of goroutines shows: the check is hung from
// its Timeout on. Such a check is [health.Internal] and fit for liveness, with a
// long Timeout.
//
// Of a sync.RWMutex give the RLocker: whoever waits for the whole lock keeps
// later readers out. The detail lock.wait is how long the lock took, in seconds.
// It waits for the lock whatever its context does, as a mutex can't be given up.
func Lock(l sync.Locker) func(context.Context) error {
	if l == nil {
		return broken("lock", "the lock is nil")
	}
	return func(ctx context.Context) error {
		start := time.Now()
		l.Lock()
		l.Unlock() //nolint:staticcheck // SA2001: that it could be taken is all there is to know
		health.Detail(ctx, attribute.Float64("lock.wait", time.Since(start).Seconds()))
		return nil
	}
}
