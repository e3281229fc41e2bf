package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Start begins to run the checks and returns at once. When ctx ends, they stop
// as with Shutdown; the values of ctx reach the checks.
//
// Start fails if it was called before, after Shutdown, and if the options were
// faulty, an earlier Register failed or a dependency is missing: then it returns
// all these faults, joined, and nothing runs, for a service must not pass for
// sound because the check that would say otherwise is missing. A new Registry is
// needed after such a fault.
func (r *Registry) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	faults := r.faults
	for _, e := range *r.entries.Load() {
		if err := missing(e.check, *r.entries.Load()); err != nil && r.phase == fresh {
			faults = append(slices.Clip(faults), err)
		}
	}
	switch {
	case len(faults) > 0:
		return errors.Join(faults...)
	case r.phase == started:
		return errors.New("health: started already")
	case r.phase == stopped:
		return errors.New("health: the registry has been shut down")
	}
	r.phase = started
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{}) // executions are roots
	ctx, r.stop = context.WithCancel(ctx)
	for _, e := range *r.entries.Load() {
		if !e.paused {
			r.plan(e, time.Now())
		}
	}
	r.active++
	go r.schedule(ctx)
	return nil
}

// Shutdown stops the checks, ends the series, and waits for everything that the
// registry started. From then on every check is unknown, with ReasonStopped, and
// readiness fails as after [Registry.Drain].
//
// When ctx ends first, the error names the checks that still run: Go can't kill
// a function that ignores its context, so its goroutine stays until it returns.
// Shutdown may be called again to wait further, before Start, and more than
// once. A check that calls it waits for itself, that is until ctx ends.
func (r *Registry) Shutdown(ctx context.Context) error {
	r.halt()
	select {
	case <-r.idle:
		return nil
	default:
	}
	select {
	case <-r.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("health: shutdown: still running: %s: %w", r.laggards(), context.Cause(ctx))
	}
}

// halt ends scheduling for good.
func (r *Registry) halt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == stopped {
		return
	}
	r.phase = stopped
	if r.stop != nil {
		r.stop()
	}
	now := time.Now()
	for _, e := range *r.entries.Load() {
		e.latest.Store(e.latest.Load().without(ReasonStopped, "the checks have been stopped", now))
		e.tell()
	}
	if r.reopen != nil {
		r.reopen.Stop()
	}
	r.nextDue.Store(0)
	r.draining.Store(true)
	r.changed()
	r.active++
	go func() {
		defer r.retire()
		r.telemetry.unregister() // waits for a collection, and so for other people's callbacks
	}()
}

// retire counts one goroutine out.
func (r *Registry) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave()
}

func (r *Registry) leave() {
	if r.active--; r.active == 0 && r.phase == stopped {
		close(r.idle)
	}
}

// laggards names what Shutdown is waiting for.
func (r *Registry) laggards() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, e := range *r.entries.Load() {
		if e.run != nil {
			names = append(names, e.check.Name)
		}
	}
	if len(names) == 0 {
		return "removed checks or telemetry"
	}
	return strings.Join(names, ", ")
}
