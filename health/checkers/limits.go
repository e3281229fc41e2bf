package checkers

import (
	"context"
	"errors"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// Limits are the thresholds of a checker: a value is degraded from Degraded on
// and unhealthy from Unhealthy on. A zero threshold is not judged, but if both
// are zero, the checker's defaults hold; without defaults the check fails.
type Limits[N int64 | float64 | time.Duration] struct {
	Degraded  N
	Unhealthy N
}

// CountLimits are the limits of checkers that count something.
type CountLimits = Limits[int64]

// DurationLimits are the limits of checkers that take the time of something.
type DurationLimits = Limits[time.Duration]

// ShareLimits are the limits of checkers that judge how much of something is
// used, from 0 to 1.
type ShareLimits = Limits[float64]

func (l Limits[N]) or(degraded, unhealthy N) Limits[N] {
	if l == (Limits[N]{}) {
		return Limits[N]{degraded, unhealthy}
	}
	return l
}

func (l Limits[N]) fault() string {
	switch {
	case l == (Limits[N]{}):
		return "a limit is needed"
	case l.Degraded < 0, l.Unhealthy < 0:
		return "a limit must not be negative"
	case l.Unhealthy != 0 && l.Degraded > l.Unhealthy:
		return "degraded must begin before unhealthy"
	}
	return ""
}

func shareFault(l ShareLimits) string {
	if !isShare(l.Degraded) || !isShare(l.Unhealthy) {
		return "a share must lie between 0 and 1"
	}
	return l.fault()
}

// isShare is false for NaN as well.
func isShare(ratio float64) bool { return ratio >= 0 && ratio <= 1 }

// judge returns err as bad as value is, or nil.
func (l Limits[N]) judge(value N, err error) error {
	switch {
	case l.Unhealthy != 0 && value >= l.Unhealthy:
		return err
	case l.Degraded != 0 && value >= l.Degraded:
		return health.Degraded(err)
	}
	return nil
}

// broken is the check of a checker that was given nonsense. It fails each time,
// so the fault shows where one looks for it.
func broken(checker, fault string) func(context.Context) error {
	err := errors.New(checker + " checker: " + fault)
	return func(context.Context) error { return err }
}
