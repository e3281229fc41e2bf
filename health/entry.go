package health

import (
	"fmt"
	"sync/atomic"
	"time"
)

// An entry is a registered check with its newest result. Except for latest and
// traffic it is guarded by Registry.mu; check and series never change.
type entry struct {
	check   Check
	series  series
	latest  atomic.Pointer[record]
	traffic traffic

	run     *run          // nil: may be started
	told    chan struct{} // closed with the next result; nil: nobody waits for it
	due     time.Time
	planned time.Time // when it was first put on the agenda
	started time.Time // the newest execution
	starts  int
	slot    int // index in the agenda, -1: not in it
	paused  bool
	doubt   doubt
	changes changes
}

func newEntry(c Check, now time.Time) *entry {
	e := &entry{check: c, series: newSeries(c), slot: -1}
	e.latest.Store(&record{Result: Result{
		Name: c.Name, Critical: c.Critical, Scope: c.Scope, Probes: c.Probes, Runbook: c.Runbook, DependsOn: c.DependsOn,
		Reason: ReasonPending, Message: "no result yet", Timestamp: now, Since: now,
	}})
	return e
}

// A record is a result with its date of expiry. It is never changed once it
// can be seen.
type record struct {
	Result
	cause   string    // of State, in words
	expires time.Time // zero: never
}

// at returns the result as it reads at that time. Whether it has expired is
// found out here and not by the scheduler, since a scheduler that is stuck
// could not say so.
func (rec *record) at(now time.Time) *Result {
	if rec.expires.IsZero() || now.Before(rec.expires) {
		return &rec.Result
	}
	stale := rec.Result
	stale.State, stale.Reason = StateUnknown, ReasonStale
	stale.Found, stale.Streak = StateUnknown, 0
	stale.Message = fmt.Sprintf("no newer result since %s, when it was %s",
		rec.Timestamp.UTC().Format(time.RFC3339), rec.State)
	stale.Timestamp, stale.Since = rec.expires, rec.expires
	return &stale
}

// expired reports whether somebody may have read rec as stale. It is asked after
// rec was replaced, and so its clock is later than that of whoever still read it,
// which now, as of before the replacement, need not be.
func (rec *record) expired() bool {
	return !rec.expires.IsZero() && !time.Now().Before(rec.expires)
}

// without returns the record of a check that is no longer asked, and why.
func (rec *record) without(reason Reason, message string, now time.Time) *record {
	last := rec.Result
	last.State, last.Found, last.Reason, last.Message = StateUnknown, StateUnknown, reason, message
	last.Streak, last.Flapping, last.Stack = 0, false, ""
	last.Timestamp, last.Since = now, now
	return &record{Result: last}
}

// A step is a change of a check that is still to be told: to another state, or
// to or from flapping.
type step struct {
	from, to *Result
}

// update makes f, found by x at now, the check's last finding, and returns what
// that changes, oldest first: two steps, if the last result had expired before
// anybody told.
func (e *entry) update(x *run, f finding, now time.Time) []step {
	last := e.latest.Load()
	next := &record{Result: last.Result, cause: last.cause}
	next.Details, next.Duration = x.facts, x.elapsed
	next.Span = x.span.SpanContext()
	next.Stack = ""
	if f.reason != ReasonHung {
		next.LastCompletion = now
	}
	if f.state == StateHealthy {
		next.LastSuccess = now
	}
	return e.replace(next, f, now)
}

// stillHung counts a verdict on an execution that does not come back once more.
func (e *entry) stillHung(now time.Time) []step {
	last := e.latest.Load()
	next := &record{Result: last.Result, cause: last.cause}
	return e.replace(next, finding{StateUnhealthy, ReasonHung, hungMessage(e.check, now.Sub(e.run.started))}, now)
}

// renew takes real traffic's word, as of at, in place of an execution.
func (e *entry) renew(at, now time.Time) {
	next := *e.latest.Load()
	next.Timestamp, next.LastCompletion, next.LastSuccess = at, at, at
	next.expires = now.Add(e.check.TTL)
	e.changes = e.changes.add(0)
	e.latest.Store(&next)
}

func (e *entry) replace(next *record, f finding, now time.Time) []step {
	last := e.latest.Load()
	before := last.at(now)
	next.Timestamp, next.expires = now, now.Add(e.check.TTL)
	e.settle(next, before, f, now)

	changed := next.State != before.State
	if changed {
		next.Since = now
	}
	e.changes = e.changes.add(oneIf(changed && before.State != StateUnknown))
	share := e.changes.share()
	next.Flapping = share >= flappingBegins || last.Flapping && share >= flappingEnds
	var steps []step
	if before.State != last.State {
		steps = append(steps, step{&last.Result, before})
	}
	if changed || next.Flapping != before.Flapping {
		steps = append(steps, step{before, &next.Result})
	}
	e.latest.Store(next)
	return steps
}

// settle decides what f makes of the state that was read before.
func (e *entry) settle(next *record, before *Result, f finding, now time.Time) {
	next.Found, next.Streak = f.state, 0
	switch {
	case e.inGrace(before, f, now):
		next.State, next.Reason = StateUnknown, ReasonPending
		next.Message = clip("starting: "+f.message, maxText)
		return
	case before.State == StateUnknown || f.state == before.State:
		e.doubt = doubt{}
		next.adopt(f.state, f)
	default:
		state, streak := e.doubt.weigh(before.State, f.state, &e.check)
		if state != before.State {
			next.adopt(state, f)
			return
		}
		next.Streak = streak
		next.State, next.Reason = before.State, before.Reason
		next.Message = next.inDoubt(e.check, f)
	}
}

func (e *entry) inGrace(before *Result, f finding, now time.Time) bool {
	return f.state == StateUnhealthy && before.Reason == ReasonPending && !e.planned.IsZero() && now.Sub(e.planned) < e.check.Grace
}

func (rec *record) adopt(state State, f finding) {
	rec.State, rec.Reason, rec.Message, rec.cause = state, f.reason, f.message, f.message
	if state == StateHealthy {
		rec.Reason = ""
	}
}

// inDoubt says what speaks against the state, and what for it.
func (rec *record) inDoubt(c Check, f finding) string {
	needed := c.Fall
	if rank(f.state) < rank(rec.State) {
		needed = c.Rise
	}
	text := fmt.Sprintf("%s %d of %d times", f.state, rec.Streak, needed)
	if f.message != "" {
		text += ": " + f.message
	}
	if rec.cause != "" {
		text += "; before: " + rec.cause
	}
	return clip(text, maxText)
}

func hungMessage(c Check, elapsed time.Duration) string {
	return fmt.Sprintf("has not returned for %v, the timeout is %v",
		elapsed.Round(time.Millisecond), c.Timeout)
}
