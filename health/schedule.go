package health

import (
	"container/heap"
	"context"
	"slices"
	"time"
)

// agenda orders the entries by when they are due.
type agenda []*entry

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }

func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].slot, a[j].slot = i, j
}

func (a *agenda) Push(x any) {
	e := x.(*entry)
	e.slot = len(*a)
	*a = append(*a, e)
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	e.slot = -1
	return e
}

// untilNudged is how long the scheduler sleeps when only an event can give it
// something to do.
const untilNudged = time.Hour

// schedule starts what is due until ctx ends. It calls no foreign code, so
// nothing but the machine can hold it up.
func (r *Registry) schedule(ctx context.Context) {
	defer r.retire()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.halt()
			return
		case <-r.wake:
		case <-timer.C:
		}
		timer.Reset(r.startDue(ctx, time.Now()))
	}
}

// startDue starts the executions that are due and returns for how long there
// is nothing more to do.
func (r *Registry) startDue(ctx context.Context, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.showLag()
	for len(r.agenda) > 0 && ctx.Err() == nil {
		e := r.agenda[0]
		if wait := e.due.Sub(now); wait > 0 {
			return wait
		}
		at, vouched := e.vouched(now)
		if e.run == nil && !vouched && r.running == r.limit {
			return untilNudged // by the execution that frees a slot
		}
		e.due = now.Add(r.pause(e))
		heap.Fix(&r.agenda, 0)
		switch {
		case e.run == nil && vouched:
			last := e.latest.Load()
			e.renew(at, now)
			if last.expired() {
				r.changed()
			}
		case e.run == nil:
			r.launch(ctx, e, now)
		case e.run.hung:
			r.stillHung(ctx, e, now)
		}
	}
	return untilNudged
}

// stillHung renews the verdict on an execution that does not come back. What
// that changes is told elsewhere, for the scheduler calls no foreign code.
func (r *Registry) stillHung(ctx context.Context, e *entry, now time.Time) {
	last := e.latest.Load()
	steps := r.replaced(e, last, e.stillHung(now), now)
	if len(steps) == 0 && last.Stack != "" {
		return
	}
	x := e.run
	r.active++
	go func() {
		defer r.retire()
		r.telemetry.announceAll(ctx, x.span, steps)
		r.autopsy()
	}()
}

// showLag publishes when the next execution is due, for readers without a lock.
func (r *Registry) showLag() {
	if len(r.agenda) == 0 {
		r.nextDue.Store(0)
		return
	}
	r.nextDue.Store(max(1, int64(r.agenda[0].due.Sub(r.made))))
}

// lag is how late the scheduler is.
func (r *Registry) lag(now time.Time) time.Duration {
	due := r.nextDue.Load()
	if due == 0 {
		return 0
	}
	return max(0, now.Sub(r.made)-time.Duration(due))
}

// plan puts an entry on the agenda. The first execution comes soon, because
// readiness waits for it.
func (r *Registry) plan(e *entry, now time.Time) {
	soon := min(e.check.Interval/10, time.Second)
	e.due = now.Add(time.Duration(r.random() * float64(soon)))
	e.planned = now
	heap.Push(&r.agenda, e)
}

// pause is the time until the next execution. The one after the first has a
// whole interval to fall in, which spreads the replicas of a service evenly;
// later ones wander by a tenth. While a check is failing they wander as far as
// the one after the first, so that replicas that have been down together don't
// come back together.
func (r *Registry) pause(e *entry) time.Duration {
	width := 0.2
	if e.starts == 0 || e.latest.Load().State == StateUnhealthy {
		width = 1.0
	}
	return jittered(e.check.Interval, width, r.random())
}

// jittered spreads d evenly over the given share of itself.
func jittered(d time.Duration, width, random float64) time.Duration {
	return time.Duration((1 - width/2 + width*random) * float64(d))
}

// replan takes the pause that suits the state which the last execution found
// out; the one in force was chosen before. The caller holds r.mu.
func (r *Registry) replan(e *entry) {
	if e.slot >= 0 {
		e.due = e.started.Add(r.pause(e))
		heap.Fix(&r.agenda, e.slot)
		r.nudge()
	}
}

// bringForward makes e due at that time if it would be later. The caller holds
// r.mu.
func (r *Registry) bringForward(e *entry, at time.Time) {
	if e.slot < 0 || !at.Before(e.due) {
		return
	}
	e.due = at
	heap.Fix(&r.agenda, e.slot)
	r.nudge()
}

// lookAround has the neighbours of a check executed that has begun or ceased to
// fail: those that may be the cause at once, so that it is known soon, and those
// that may have suffered at random times, so that a dependency that has just
// come back is not run down.
func (r *Registry) lookAround(e *entry, failing bool, now time.Time) {
	for _, other := range *r.entries.Load() {
		switch {
		case failing && slices.Contains(e.check.DependsOn, other.check.Name):
			r.bringForward(other, other.started.Add(time.Second))
		case !failing && other.latest.Load().failing() && slices.Contains(other.check.DependsOn, e.check.Name):
			r.bringForward(other, now.Add(time.Duration(r.random()*float64(other.check.fastInterval()))))
		}
	}
}

// withdraw takes an entry off the agenda and breaks its execution off.
func (r *Registry) withdraw(e *entry) {
	e.tell()
	if e.slot >= 0 {
		heap.Remove(&r.agenda, e.slot)
	}
	if e.run != nil {
		e.run.dropped = true
		e.run.cancel()
	}
}

// nudge makes the scheduler look again.
func (r *Registry) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
