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

	// Results are ordered by name.
	Results []Result
}

// A Result is what is known about one check.
type Result struct {
	Name     string
	State    State
	Reason   Reason // empty when healthy
	Message  string // the error in words, without recognisable secrets; at most 1 KiB
	Critical bool
	Scope    Scope
	Probes   Probe

	Details        attribute.Set     // what [Detail] collected
	Timestamp      time.Time         // when this result came to be
	Since          time.Time         // when State was entered
	Duration       time.Duration     // of the execution; until it was given up, if hung
	LastCompletion time.Time         // when Func last returned in time; zero: never
	LastSuccess    time.Time         // when State was last found healthy; zero: never
	Span           trace.SpanContext // of the execution; invalid if it was not recorded
}

// Verdict returns the state that probe p answers with. It differs from
// Report.State in two ways: only the checks registered for p count, and for
// Liveness a check without its first result counts as healthy, since a restart
// would not bring that result any sooner.
func (r Report) Verdict(p Probe) State {
	verdict := StateHealthy
	for i := range r.Results {
		if r.Results[i].Probes&p != 0 {
			verdict = worst(verdict, r.Results[i].weight(p))
		}
	}
	return verdict
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

// excused reports whether an unknown state may be overlooked: nothing is wrong
// yet, and nobody who depends on the answer asks. A stale result never is.
func (r *Result) excused(p Probe) bool {
	return (r.Reason == ReasonPending || r.Reason == ReasonStopped) && (p == Liveness || !r.Critical)
}

// overall is the verdict on the service.
func overall(results []*Result) State {
	verdict := StateHealthy
	for _, r := range results {
		verdict = worst(verdict, r.weight(0))
	}
	return verdict
}
