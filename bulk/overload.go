package bulk

import (
	"errors"
	"time"
)

// Overload says that the backend refused err's work for now, as HTTP does by 429
// and 503. [Run] does not count it as a failure: it tries again until the work
// is accepted or the context is done, paces itself below the rate at which the
// backend refuses, and starts nothing for retryAfter. Zero means that the
// backend did not say how long. Errors with a method RetryAfter() time.Duration
// mean the same. Overload of nil is nil.
func Overload(err error, retryAfter time.Duration) error {
	if err == nil {
		return nil
	}
	return &overload{err, retryAfter}
}

type overload struct {
	error
	after time.Duration
}

func (o *overload) Unwrap() error             { return o.error }
func (o *overload) RetryAfter() time.Duration { return o.after }

// refused tells whether the backend was too busy, and how long to keep away.
func refused(err error) (after time.Duration, is bool) {
	var o interface {
		error
		RetryAfter() time.Duration
	}
	if !errors.As(err, &o) {
		return 0, false
	}
	return max(o.RetryAfter(), 0), true
}

// pacer spreads events evenly in time.
type pacer struct {
	next time.Time
	rate float64 // per second; 0 is no limit
}

// slack is how far a pacer catches up on what was late.
const slack = 50 * time.Millisecond

// wait is the time until the next event may come.
func (p *pacer) wait(now time.Time) time.Duration { return p.next.Sub(now) }

// take lets n events happen.
func (p *pacer) take(now time.Time, n int) {
	if p.rate <= 0 {
		return
	}
	if late := now.Add(-slack); p.next.Before(late) {
		p.next = late
	}
	p.next = p.next.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
}
