package health

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Pause stops executing the named check: it reads unknown with [ReasonPaused]
// and counts in no verdict until [Registry.Resume]. A running execution is told
// to stop through its context and its result is dropped. Pause reports whether
// there is such a check; it may be called before Start and again.
func (r *Registry) Pause(name string) bool {
	return r.interrupt(name, ReasonPaused, "paused")
}

// Resume undoes [Registry.Pause]: the check is unknown until its next result,
// which comes soon. It reports whether there is such a check and does nothing to
// one that is not paused.
func (r *Registry) Resume(name string) bool {
	return r.interrupt(name, ReasonPending, "no result yet")
}

// interrupt replaces the result of a check by unknown for that reason.
func (r *Registry) interrupt(name string, reason Reason, message string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := lookUp(*r.entries.Load(), name)
	if e == nil {
		return false
	}
	pause := reason == ReasonPaused
	if e.paused == pause || r.phase == stopped {
		return true
	}
	now := time.Now()
	last := e.latest.Load()
	next := last.without(reason, message, now)
	e.paused, e.changes = pause, 0
	e.latest.Store(next)
	r.changed()
	if pause {
		r.withdraw(e)
	} else if r.phase == started {
		r.plan(e, now)
		r.nudge()
	}
	if before := last.at(now); before.State != next.State {
		r.active++
		go func() {
			defer r.retire()
			r.telemetry.announceAll(context.Background(), trace.SpanFromContext(context.Background()), []step{{before, &next.Result}})
		}()
	}
	return true
}
