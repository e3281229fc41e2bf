package health

import (
	"fmt"
	"sync/atomic"
	"time"
)

// An entry is a registered check with its newest result. Except for latest it
// is guarded by Registry.mu; check and series never change.
type entry struct {
	check  Check
	series series
	latest atomic.Pointer[record]

	run     *run // nil: may be started
	due     time.Time
	starts  int
	slot    int // index in the agenda, -1: not in it
	removed bool
}

func newEntry(c Check, now time.Time) *entry {
	e := &entry{check: c, series: newSeries(c), slot: -1}
	e.latest.Store(&record{Result: Result{
		Name: c.Name, Critical: c.Critical, Scope: c.Scope, Probes: c.Probes,
		Reason: ReasonPending, Message: "no result yet", Timestamp: now, Since: now,
	}})
	return e
}

// A record is a result with its date of expiry. It is never changed once it
// can be seen.
type record struct {
	Result
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
	stale.Message = fmt.Sprintf("no newer result since %s, when it was %s",
		rec.Timestamp.UTC().Format(time.RFC3339), rec.State)
	stale.Timestamp, stale.Since = rec.expires, rec.expires
	return &stale
}

// stopped returns what stays of the record after Shutdown.
func (rec *record) stopped(now time.Time) *record {
	last := rec.Result
	last.State, last.Reason, last.Message = StateUnknown, ReasonStopped, "the checks have been stopped"
	last.Timestamp, last.Since = now, now
	return &record{Result: last}
}

// A step is a change of state that is still to be told.
type step struct {
	from State
	to   *Result
}

// update makes f the check's result and returns the changes of state, oldest
// first: two, if the last result had expired before anybody told.
func (e *entry) update(x *run, f finding, now time.Time) []step {
	last := e.latest.Load()
	before := last.at(now)
	next := &record{Result: last.Result, expires: now.Add(e.check.TTL)}
	next.State, next.Reason, next.Message = f.state, f.reason, f.message
	next.Details, next.Duration, next.Timestamp = x.facts, x.elapsed, now
	next.Span = x.span.SpanContext()
	if f.reason != ReasonHung {
		next.LastCompletion = now
	}
	if f.state == StateHealthy {
		next.LastSuccess = now
	}
	var steps []step
	if before.State != last.State {
		steps = append(steps, step{last.State, before})
	}
	if next.State != before.State {
		next.Since = now
		steps = append(steps, step{before.State, &next.Result})
	}
	e.latest.Store(next)
	return steps
}

// stillHung renews the verdict on an execution that does not come back.
func (e *entry) stillHung(now time.Time) {
	next := &record{Result: e.latest.Load().Result, expires: now.Add(e.check.TTL)}
	next.Message = hungMessage(e.check, now.Sub(e.run.started))
	next.Timestamp = now
	e.latest.Store(next)
}

func hungMessage(c Check, elapsed time.Duration) string {
	return fmt.Sprintf("has not returned for %v, the timeout is %v",
		elapsed.Round(time.Millisecond), c.Timeout)
}
