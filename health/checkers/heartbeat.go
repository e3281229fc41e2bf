package checkers

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/health"
)

// Heartbeat checks something that has no connection to ask: a job, a consumer
// of a queue, an event loop. It calls [Heartbeat.Beat] each time round, and its
// silence is judged. Make one with [NewHeartbeat]. The methods are safe for
// concurrent use.
type Heartbeat struct {
	limits DurationLimits
	fault  error
	made   time.Time
	last   atomic.Int64 // nanoseconds after made, so that no set clock matters
	beats  atomic.Int64
}

// NewHeartbeat returns a heartbeat that may be silent for as long as limits say.
// The silence before the first beat counts from now. There is no default: with
// bad limits, or without any, the check always fails.
func NewHeartbeat(limits DurationLimits) *Heartbeat {
	h := &Heartbeat{limits: limits, made: time.Now()}
	if fault := limits.fault(); fault != "" {
		h.fault = errors.New("heartbeat checker: " + fault)
	}
	return h
}

// Beat says that all is well. It takes no lock and no memory.
func (h *Heartbeat) Beat() {
	h.last.Store(int64(time.Since(h.made)))
	h.beats.Add(1)
}

// Check is the function for [health.Check.Func]. Its details are
// heartbeat.silence in seconds and heartbeat.beats.
func (h *Heartbeat) Check(ctx context.Context) error {
	switch {
	case h.fault != nil:
		return h.fault
	case h.made.IsZero():
		return errors.New("heartbeat checker: made without NewHeartbeat")
	}
	beats := h.beats.Load()
	silence := time.Since(h.made) - time.Duration(h.last.Load())
	health.Detail(ctx, attribute.Float64("heartbeat.silence", silence.Seconds()), attribute.Int64("heartbeat.beats", beats))
	err := fmt.Errorf("silent for %v after %d beats", silence.Round(time.Millisecond), beats)
	return h.limits.judge(silence, err)
}
