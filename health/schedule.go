package health

import (
	"container/heap"
	"context"
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
	for len(r.agenda) > 0 && ctx.Err() == nil {
		e := r.agenda[0]
		if wait := e.due.Sub(now); wait > 0 {
			return wait
		}
		if e.run == nil {
			if r.running == r.limit {
				return untilNudged // by the execution that frees a slot
			}
			r.launch(ctx, e, now)
		} else if e.run.hung {
			e.stillHung(now)
		}
		e.due = now.Add(r.pause(e))
		heap.Fix(&r.agenda, 0)
	}
	return untilNudged
}

// plan puts an entry on the agenda. The first execution comes soon, because
// readiness waits for it.
func (r *Registry) plan(e *entry, now time.Time) {
	soon := min(e.check.Interval/10, time.Second)
	e.due = now.Add(time.Duration(r.random() * float64(soon)))
	heap.Push(&r.agenda, e)
}

// pause is the time until the next execution. The one after the first has a
// whole interval to fall in, which spreads the replicas of a service evenly;
// later ones wander by a tenth.
func (r *Registry) pause(e *entry) time.Duration {
	least, width := 0.9, 0.2
	if e.starts == 1 {
		least, width = 0.5, 1.0
	}
	return time.Duration((least + width*r.random()) * float64(e.check.Interval))
}

// forget takes a removed entry off the agenda and ends its execution.
func (r *Registry) forget(e *entry) {
	e.removed = true
	if e.slot >= 0 {
		heap.Remove(&r.agenda, e.slot)
	}
	if e.run != nil {
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
