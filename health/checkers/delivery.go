package checkers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// deliveryMemory covers a metric export each minute, with one that is late.
const deliveryMemory = 3 * time.Minute

// Delivery checks that telemetry arrives: without it the other checks tell
// nobody. counts says how many items were delivered and lost so far, and why the
// newest attempt failed, nil if it did not; (*otelmon.Monitor).Delivery is one.
//
//	checkers.Delivery(mon.Delivery, 0)
//
// The check is degraded while attempts fail and for memory after the last loss,
// and unhealthy if nothing at all was delivered for that long. Nothing sent is
// nothing lost. memory should be
// more than twice the longest export interval; zero means 3 minutes. The check
// should not be critical: a service is of use without its telemetry.
func Delivery(counts func() (delivered, failed int64, last error), memory time.Duration) func(context.Context) error {
	switch {
	case counts == nil:
		return broken("delivery", "the function is nil")
	case memory < 0:
		return broken("delivery", "the memory must not be negative")
	case memory == 0:
		memory = deliveryMemory
	}
	d := &delivery{memory: memory}
	return func(context.Context) error { return d.check(counts()) }
}

type delivery struct {
	memory time.Duration

	mu                sync.Mutex
	delivered, failed int64
	arrived, lost     time.Time // when an execution first saw the newest of each
}

func (d *delivery) check(delivered, failed int64, last error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if delivered > d.delivered {
		d.delivered, d.arrived = delivered, now
	}
	if failed > d.failed {
		d.failed, d.lost = failed, now
	}
	if last == nil {
		if d.lost.IsZero() || now.Sub(d.lost) >= d.memory {
			return nil
		}
		last = errors.New("attempts succeed again")
	}
	if d.arrived.IsZero() || now.Sub(d.arrived) >= d.memory {
		return fmt.Errorf("telemetry does not arrive, %d items lost so far: %w", failed, last)
	}
	return health.Degraded(fmt.Errorf("part of the telemetry does not arrive, %d items lost so far: %w", failed, last))
}
