package health

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// A Transition is a change of one check.
type Transition struct {
	From, To Result
}

// Watch yields the report as of now, and a new one whenever a state, a reason, a
// set of checks, a maintenance window or draining has changed or a result has
// expired. Whoever is slow misses what lies in between, never the last report.
//
// It ends when ctx does, or with the report after [Registry.Shutdown]. It starts
// no goroutine and may be ranged over several times, also concurrently.
func (r *Registry) Watch(ctx context.Context) iter.Seq[Report] {
	return func(yield func(Report) bool) {
		for ctx.Err() == nil {
			r.mu.Lock()
			news, last := r.news, r.phase == stopped
			r.mu.Unlock()
			report := r.Report()
			if !yield(report) || last {
				return
			}
			r.await(ctx, news, report.Time)
		}
	}
}

// await returns when there may be something new to read since then.
func (r *Registry) await(ctx context.Context, news <-chan struct{}, then time.Time) {
	for {
		var expiry <-chan time.Time // without Stop: the collector takes a timer that nobody holds
		if next := r.summary(then).until; !next.IsZero() {
			expiry = time.After(time.Until(next))
		}
		select {
		case <-news:
			return
		case <-ctx.Done():
			return
		case <-expiry:
		}
		now := time.Now()
		if r.lapsed(then, now) {
			return
		}
		then = now // what would have expired was renewed, which is no news
	}
}

// lapsed reports whether a result or a maintenance window has ended in between.
func (r *Registry) lapsed(then, now time.Time) bool {
	within := func(end time.Time) bool { return end.After(then) && !end.After(now) }
	return slices.ContainsFunc(*r.entries.Load(), func(e *entry) bool { return within(e.latest.Load().expires) }) ||
		slices.ContainsFunc(*r.windows.Load(), func(w *window) bool { return within(w.until) })
}

// Transitions yields each change of a check's state from now on, oldest first.
// A check that has been added since begins as unknown; one that is removed
// yields nothing. While a check is flapping only the beginning and the end of
// that are yielded. Changes that follow each other faster than they are consumed
// become one. The rest is as with [Registry.Watch].
func (r *Registry) Transitions(ctx context.Context) iter.Seq[Transition] {
	return func(yield func(Transition) bool) {
		var before []Result
		first := true
		for report := range r.Watch(ctx) {
			if !first {
				for _, t := range changesBetween(before, report.Results) {
					if !yield(t) {
						return
					}
				}
			}
			before, first = report.Results, false
		}
	}
}

// changesBetween compares two lists ordered by name.
func changesBetween(before, after []Result) []Transition {
	var changed []Transition
	i := 0
	for _, to := range after {
		for i < len(before) && before[i].Name < to.Name {
			i++
		}
		from := Result{Name: to.Name, Critical: to.Critical, Reason: ReasonPending}
		if i < len(before) && before[i].Name == to.Name {
			from = before[i]
		}
		if from.Flapping != to.Flapping || from.State != to.State && !to.Flapping {
			changed = append(changed, Transition{from, to})
		}
	}
	return changed
}

// Listen calls f for each of [Registry.Transitions], on a goroutine of its own,
// until stop is called or the registry is shut down. f may take its time, call
// the registry, and panic, which is reported to OpenTelemetry's error handler: it
// delays its own calls and nothing else. Shutdown waits for a call that runs;
// stop doesn't, so f may call it.
func (r *Registry) Listen(f func(Transition)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == stopped {
		return cancel
	}
	r.active++
	go func() {
		defer r.retire()
		defer cancel()
		for t := range r.Transitions(ctx) {
			if ctx.Err() != nil {
				return
			}
			inform(f, t)
		}
	}()
	return cancel
}

func inform(f func(Transition), t Transition) {
	defer func() {
		if v := recover(); v != nil {
			complain(errors.New("health: a listener: " + panicText(v)))
		}
	}()
	f(t)
}
