package health

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A Report is what was known about every check at one moment. It belongs to
// the caller and never changes.
type Report struct {
	// Time is when the report was made.
	Time time.Time

	// State is the verdict on the service, over all checks: as bad as the worst
	// critical one, degraded if another one fails, healthy otherwise and when
	// there is no check at all.
	State State

	// Draining tells that [Registry.Drain] or [Registry.Shutdown] was called:
	// readiness fails.
	Draining bool

	// Lag is how late the scheduler is with the execution that is due first: more
	// than a moment means that the process is starved, or that Concurrency
	// executions take their time. Zero before Start.
	Lag time.Duration

	// Results are ordered by name.
	Results []Result
}

// A Result is what is known about one check.
type Result struct {
	Name     string
	State    State  // changes after Fall or Rise executions
	Reason   Reason // why State is what it is; empty when healthy
	Message  string // the error in words, without recognisable secrets; at most 1 KiB
	Critical bool
	Scope    Scope
	Probes   Probe
	Runbook  string // of the check

	// Found is the state that the last execution found, Streak how many in a row
	// found one on the same side of State. While they are not enough to change
	// it, Found differs from State; otherwise Streak is 0.
	Found  State
	Streak int

	// Flapping tells that at least a quarter of the last 20 results changed the
	// state, newer ones counted for more; it ends below a tenth. So a check that
	// stays unhealthy in the end is flapping for up to 19 results more.
	Flapping bool

	// SuppressedBy names the check whose failure explains this one: the first
	// to fail of those that this one depends on, itself explained by none. Empty
	// if there is none.
	SuppressedBy string
	DependsOn    []string // of the check; must not be changed

	// Maintenance is the reason of the window that holds; empty outside of one.
	Maintenance string

	// Stack shows where a hung execution, and what it started, stands; at most
	// 4 KiB. Empty if nothing hangs, or until that was looked up.
	Stack string

	Details        attribute.Set     // what [Detail] collected
	Timestamp      time.Time         // when this result came to be
	Since          time.Time         // when State was entered
	Duration       time.Duration     // of the execution; until it was given up, if hung
	LastCompletion time.Time         // when Func last returned in time, or traffic told as much; zero: never
	LastSuccess    time.Time         // when that was healthy; zero: never
	Span           trace.SpanContext // of the execution; invalid if it was not recorded
}

// Verdict returns the state that probe p answers with. It differs from
// Report.State in two ways: only the checks registered for p count, and for
// Liveness a check without its first result counts as healthy, since a restart
// would not bring that result any sooner. Readiness is unhealthy while draining.
func (r Report) Verdict(p Probe) State {
	verdict := StateHealthy
	if r.Draining && p&Readiness != 0 {
		verdict = StateUnhealthy
	}
	for i := range r.Results {
		if r.Results[i].Probes&p != 0 {
			verdict = worst(verdict, r.Results[i].weight(p))
		}
	}
	return verdict
}

// Muted reports whether nobody needs to be told of the result: another check's
// failure explains it, a maintenance window holds, or the check is paused. A
// muted failure counts in every verdict all the same, except while paused.
func (r *Result) Muted() bool {
	return r.SuppressedBy != "" || r.Maintenance != "" || r.Reason == ReasonPaused
}

// weight is the state that r gives to the verdict of p, or to that of the
// service if p is 0.
func (r *Result) weight(p Probe) State {
	switch {
	case r.State == StateUnknown && r.excused(p):
		return StateHealthy
	case r.Critical, r.State == StateHealthy:
		return r.State
	default:
		return StateDegraded
	}
}

// excused reports whether an unknown state may be overlooked: somebody paused
// the check, or nothing is wrong yet and nobody who depends on the answer asks. A
// stale result never is.
func (r *Result) excused(p Probe) bool {
	return r.Reason == ReasonPaused || (r.Reason == ReasonPending || r.Reason == ReasonStopped) && (p == Liveness || !r.Critical)
}

// failing reports whether something is wrong with the check, as opposed to not
// known yet.
func (r *Result) failing() bool {
	switch r.State {
	case StateDegraded, StateUnhealthy:
		return true
	case StateUnknown:
		return r.Reason == ReasonStale
	case StateHealthy:
	}
	return false
}
