package health

import "strconv"

// State says how a check, a probe or the service is doing. The zero value is
// [StateUnknown]. A State is comparable, but its order means nothing.
type State uint8

// The four states. They are a closed set: each is one series of
// health.check.status.
const (
	StateUnknown   State = iota // no result yet, or one too old to believe
	StateHealthy                // the check returned nil
	StateDegraded               // limited, but still of use: see [Degraded]
	StateUnhealthy              // the check failed, panicked, or did not end in time
)

// states lists every member in the order in which they are reported.
func states() [4]State {
	return [4]State{StateHealthy, StateDegraded, StateUnhealthy, StateUnknown}
}

// String returns the state as telemetry and HTTP answers spell it: "unknown",
// "healthy", "degraded" or "unhealthy".
func (s State) String() string {
	switch s {
	case StateUnknown:
		return "unknown"
	case StateHealthy:
		return "healthy"
	case StateDegraded:
		return "degraded"
	case StateUnhealthy:
		return "unhealthy"
	}
	return "State(" + strconv.Itoa(int(s)) + ")"
}

// MarshalText returns [State.String]. It never fails.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// worst is the join of the lattice healthy < degraded < unknown < unhealthy.
// A maximum, so the order, the grouping and the repetition of states can't
// change a verdict.
func worst(a, b State) State {
	if rank(a) >= rank(b) {
		return a
	}
	return b
}

func rank(s State) int {
	switch s {
	case StateHealthy:
		return 0
	case StateDegraded:
		return 1
	case StateUnknown:
		return 2
	case StateUnhealthy:
	}
	return 3
}

// Reason says in one word why a result is not healthy. The set is closed, so
// it may stand on a metric, as error.type; the words of a failure never do.
type Reason string

// The reasons. A healthy result has none.
const (
	ReasonPending Reason = "pending" // no execution has ended yet
	ReasonError   Reason = "error"   // the function returned an error
	ReasonTimeout Reason = "timeout" // the function gave up when its context ended
	ReasonHung    Reason = "hung"    // the function did not return within Timeout
	ReasonPanic   Reason = "panic"   // the function panicked or called runtime.Goexit
	ReasonStale   Reason = "stale"   // the last result has expired and no newer one came
	ReasonStopped Reason = "stopped" // the registry has been shut down

	ReasonObserved Reason = "observed" // the function passes, but what [Registry.Observe] told fails
	ReasonPaused   Reason = "paused"   // [Registry.Pause] was called
)
