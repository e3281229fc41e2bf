package health

import (
	"context"
	"errors"
)

// Degraded marks err as a limitation instead of a failure: a check that returns
// it is degraded, and a degraded service still answers its probes with 200.
// Degraded(nil) is nil, that is healthy.
//
// The mark survives wrapping with %w. Where several errors are joined, the
// worst one decides: errors.Join(Degraded(a), b) is unhealthy.
func Degraded(err error) error {
	if err == nil {
		return nil
	}
	return degradedError{err}
}

type degradedError struct{ cause error }

func (e degradedError) Error() string { return e.cause.Error() }
func (e degradedError) Unwrap() error { return e.cause }

// finding is what one execution found out, before it becomes a [Result].
type finding struct {
	state   State
	reason  Reason
	message string
}

// judge turns what a check returned into a finding. It calls methods of a
// foreign error, so it runs where a panic is contained.
func judge(ctx context.Context, err error) finding {
	if err == nil {
		return finding{state: StateHealthy}
	}
	f := finding{state: StateOf(err), reason: ReasonError, message: redact(err.Error())}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		f.reason = ReasonTimeout
	}
	return f
}

// StateOf returns the state that a check with this error is in: healthy for nil,
// degraded if every branch of err's tree is marked by [Degraded], or else
// unhealthy. It is for checks that are made of checks.
func StateOf(err error) State {
	if err == nil {
		return StateHealthy
	}
	switch e := err.(type) { //nolint:errorlint // walks the tree itself, to find the worst branch instead of the first
	case degradedError:
		return StateDegraded
	case interface{ Unwrap() error }:
		if cause := e.Unwrap(); cause != nil {
			return StateOf(cause)
		}
	case interface{ Unwrap() []error }:
		return severest(e.Unwrap())
	}
	return StateUnhealthy
}

func severest(errs []error) State {
	state := StateHealthy
	for _, err := range errs {
		if err != nil {
			state = worst(state, StateOf(err))
		}
	}
	if state == StateHealthy {
		return StateUnhealthy // a non-nil error without causes
	}
	return state
}
