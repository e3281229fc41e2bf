package health

import (
	"context"
	"fmt"
	"runtime/pprof"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A run is one execution of a check. Two may want to end it, the goroutine
// that called Func and the timer; whoever claims it first does, so a result
// that comes late has nothing left to write to.
type run struct {
	entry   *entry
	started time.Time
	timer   *time.Timer
	cancel  context.CancelFunc
	notes   notes

	// guarded by Registry.mu
	claimed bool
	hung    bool
	dropped bool // by Pause or Unregister
	holders int  // goroutines at work on it; the check's next run waits for both
	early   trace.Span

	// belongs to the goroutine that claimed the run
	elapsed time.Duration
	facts   attribute.Set
	span    trace.Span
}

// launch starts an execution. The caller holds r.mu, a free slot, and the
// knowledge that no other execution of e is left.
func (r *Registry) launch(base context.Context, e *entry, now time.Time) {
	ctx, cancel := context.WithTimeout(base, e.check.patience())
	x := &run{entry: e, started: now, cancel: cancel, holders: 1}
	e.run = x
	e.started = now
	e.starts++
	e.traffic.hastened.Store(false)
	r.running++
	r.active++
	x.timer = time.AfterFunc(e.check.Timeout, func() { r.expire(base, x) })
	go r.execute(base, ctx, x)
}

// execute calls the check's function and contains whatever it does. The
// deferred calls run for a return, a panic and runtime.Goexit alike.
func (r *Registry) execute(base, ctx context.Context, x *run) {
	defer r.release(x)
	found := finding{StateUnhealthy, ReasonPanic, "runtime.Goexit was called"}
	defer func() { r.conclude(base, x, found) }()
	defer func() {
		if v := recover(); v != nil {
			found.message = panicText(v)
		}
	}()
	ctx = pprof.WithLabels(ctx, pprof.Labels(stackLabel, x.entry.check.Name))
	pprof.SetGoroutineLabels(ctx)
	ctx = context.WithValue(r.prepare(ctx, x), notesKey{}, &x.notes)
	found = judge(ctx, x.entry.check.Func(ctx))
}

// panicText says what was panicked with. Asking that may panic once more, which
// fmt contains unless what it is then told does the same.
func panicText(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("panic: a %T, which panics when it is printed", v)
		}
	}()
	return redact(fmt.Sprintf("panic: %v", v))
}

// prepare gives the execution its span if it is certain to deserve one: what
// is not healthy now will either fail again or change. In the steady state the
// decision falls afterwards, and an unsampled context keeps instrumented
// clients from starting a trace of their own for every ping.
func (r *Registry) prepare(ctx context.Context, x *run) context.Context {
	if x.entry.latest.Load().at(x.started).State == StateHealthy {
		return trace.ContextWithSpanContext(ctx, unsampled())
	}
	ctx, span := r.telemetry.startSpan(ctx, x)
	r.mu.Lock()
	claimed := x.claimed
	if !claimed {
		x.early = span
	}
	r.mu.Unlock()
	if claimed {
		span.End()
	}
	return ctx
}

// expire is the timer's end of a run: the function did not come back.
func (r *Registry) expire(base context.Context, x *run) {
	r.mu.Lock()
	if x.claimed {
		r.mu.Unlock()
		return
	}
	x.holders++ // the function's goroutine holds it too, so Shutdown is still waiting
	r.active++
	r.mu.Unlock()
	defer r.release(x)
	c := x.entry.check
	r.conclude(base, x, finding{StateUnhealthy, ReasonHung, hungMessage(c, c.Timeout)})
	r.autopsy()
}

// conclude makes found the check's result and tells it, unless the other
// goroutine was first. Nothing is learnt from an execution that Shutdown or
// Unregister broke off.
func (r *Registry) conclude(base context.Context, x *run, found finding) {
	if !r.claim(x) {
		return
	}
	x.elapsed = time.Since(x.started)
	x.facts = x.notes.collected()
	found = x.entry.outweigh(found, time.Now())
	r.telemetry.trace(base, x, found)
	defer r.telemetry.end(x)
	if steps, ok := r.publish(base, x, found); ok {
		r.telemetry.tell(base, x, found, steps)
	}
}

// claim reports whether the caller is the one to end x, and frees its slot.
func (r *Registry) claim(x *run) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.claimed {
		return false
	}
	x.claimed = true
	x.timer.Stop()
	x.cancel()
	r.running--
	r.nudge()
	return true
}

// publish stores the result. It reports false if nobody wants it any more.
func (r *Registry) publish(base context.Context, x *run, found finding) ([]step, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := x.entry
	if base.Err() != nil || r.phase == stopped {
		return nil, false
	}
	now := time.Now()
	x.hung = found.reason == ReasonHung
	if x.dropped {
		if x.hung {
			r.bringForward(e, now) // if the check was resumed meanwhile, it hangs
		}
		return nil, false
	}
	last := e.latest.Load()
	return r.replaced(e, last, e.update(x, found, now), now), true
}

// replaced follows up on a new result of e: it wakes whoever waits for it, and
// plans what is worth a look now. The caller holds r.mu.
func (r *Registry) replaced(e *entry, last *record, steps []step, now time.Time) []step {
	before, after := last.at(now), &e.latest.Load().Result
	if before.State != after.State || before.Reason != after.Reason || before.Flapping != after.Flapping || last.expired() {
		r.changed()
	}
	e.tell()
	if after.Streak > 0 || after.Reason == ReasonPending {
		last := e.started
		if e.run != nil && e.run.hung {
			last = now
		}
		r.bringForward(e, last.Add(jittered(e.check.fastInterval(), 0.2, r.random())))
	}
	if before.failing() != after.failing() {
		r.replan(e)
		r.lookAround(e, after.failing(), now)
	}
	return steps
}

// tell wakes those who wait for a result.
func (e *entry) tell() {
	if e.told != nil {
		close(e.told)
		e.told = nil
	}
}

// release counts a goroutine of x out. After the last one the check may run
// again.
func (r *Registry) release(x *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x.holders--; x.holders == 0 {
		x.entry.run = nil
		if x.entry.told != nil || x.dropped { // asked for when it was too late to share x, or resumed
			r.bringForward(x.entry, time.Now())
		}
	}
	r.leave()
}
