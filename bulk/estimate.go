package bulk

import (
	"math"
	"time"
)

const (
	minStall   = 10 * time.Second // no sooner is an operation called stalled
	firstStall = time.Minute      // the same before its first item, when nothing is known of its pace
	maxETA     = 100 * 365 * 24 * time.Hour
)

// estimator tells how fast an operation is going and how long it will take. It
// learns only when items were processed, from the time since that happened
// before, so an item every ten seconds reads as 0.1/s and not as bursts.
// Skipped items are no part of the pace: thousands take no time, and say nothing
// about what is left.
type estimator struct {
	begun, last time.Time // start, and the last observation with progress
	done        int64     // processed at last
	rate        float64   // moving average, to be divided by weight
	weight      float64   // how much of the average is filled, 0 to 1
	gap         float64   // usual seconds between observations with progress

	seen  time.Time // last observation with items, skipped ones too
	items int64     // at seen
}

func (e *estimator) start(now time.Time) { e.begun, e.last, e.seen = now, now, now }

// observe is called about once a second.
func (e *estimator) observe(now time.Time, c counts) {
	if c.items() <= e.items {
		return
	}
	e.seen, e.items = now, c.items()
	switch {
	case c.processed() > e.done:
		e.learn(now, c.processed())
	case e.weight == 0:
		e.last = now // a run that is resumed begins with skipping
	}
}

func (e *estimator) learn(now time.Time, done int64) {
	dt := now.Sub(e.last).Seconds()
	if dt <= 0 {
		return
	}
	// The window grows with the run: a tenth of it, so that a job of hours is
	// not judged by its last seconds.
	window := max(5, now.Sub(e.begun).Seconds()/10)
	alpha := 1 - math.Exp(-dt/window)
	e.rate += alpha * (float64(done-e.done)/dt - e.rate)
	e.weight += alpha * (1 - e.weight)
	if e.gap == 0 {
		e.gap = dt
	}
	e.gap += 0.2 * (dt - e.gap)
	e.last, e.done = now, done
}

// pace is the items processed per second lately; before the first observation,
// since the start, or since nothing but skipping was seen.
func (e *estimator) pace(now time.Time, c counts) float64 {
	if e.weight > 0 {
		return e.rate / e.weight
	}
	t := now.Sub(e.last).Seconds()
	if e.last.After(e.begun) {
		t = max(t, beat.Seconds()) // the first batch may come at any moment
	}
	if t <= 0 {
		return 0
	}
	return float64(c.processed()) / t
}

// idle is the time since items were last seen done.
func (e *estimator) idle(now time.Time, c counts) time.Duration {
	if c.items() > e.items {
		return 0
	}
	return now.Sub(e.seen)
}

func (e *estimator) stalled(now time.Time, c counts) bool {
	idle := e.idle(now, c)
	if e.weight == 0 {
		return idle > firstStall
	}
	return idle > minStall && idle.Seconds() > 5*e.gap
}

// eta is what is left at the present pace, as if none of it would be skipped.
// It is Unknown without a total, before the first item is processed, and in a
// stall, where any number would be a lie.
func (e *estimator) eta(now time.Time, c counts, total int64) time.Duration {
	pace := e.pace(now, c)
	if total < c.items() || pace <= 0 || e.stalled(now, c) {
		return Unknown
	}
	// Between two slow items it counts down, by the one that is under way: by
	// more, it would contradict the pace.
	under := min(1, pace*e.idle(now, c).Seconds())
	seconds := (float64(total-c.items()) - under) / pace
	if seconds > maxETA.Seconds() {
		return Unknown
	}
	return time.Duration(max(seconds, 0) * float64(time.Second))
}
