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
// learns only when items were done, from the time since that happened before,
// so an item every ten seconds reads as 0.1/s and not as bursts.
type estimator struct {
	begun, last time.Time // start, and the last observation with progress
	done        int64     // at last
	rate        float64   // moving average, to be divided by weight
	weight      float64   // how much of the average is filled, 0 to 1
	gap         float64   // usual seconds between observations with progress
}

func (e *estimator) start(now time.Time) { e.begun, e.last = now, now }

// observe is called about once a second.
func (e *estimator) observe(now time.Time, done int64) {
	dt := now.Sub(e.last).Seconds()
	if done <= e.done || dt <= 0 {
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

// overall is the mean since the start, in items per second. Between two slow
// items it holds still, so that the ETA counts down.
func (e *estimator) overall(now time.Time, done int64) float64 {
	if e.weight > 0 && done <= e.done {
		now = e.last
	}
	if t := now.Sub(e.begun).Seconds(); t > 0 {
		return float64(done) / t
	}
	return 0
}

// recent is the present pace in items per second.
func (e *estimator) recent(now time.Time, done int64) float64 {
	if e.weight == 0 {
		return e.overall(now, done)
	}
	return e.rate / e.weight
}

// idle is the time since items were last seen done.
func (e *estimator) idle(now time.Time, done int64) time.Duration {
	if done > e.done {
		return 0
	}
	return now.Sub(e.last)
}

func (e *estimator) stalled(now time.Time, done int64) bool {
	idle := e.idle(now, done)
	if e.weight == 0 {
		return idle > firstStall
	}
	return idle > minStall && idle.Seconds() > 5*e.gap
}

// eta leans on the present pace and is steadied by the overall one. It is
// Unknown without a total, before the first item, and in a stall, where any
// number would be a lie.
func (e *estimator) eta(now time.Time, done, total int64) time.Duration {
	overall := e.overall(now, done)
	recent := e.recent(now, done)
	if total < 0 || done > total || overall <= 0 || recent <= 0 || e.stalled(now, done) {
		return Unknown
	}
	left := float64(total - done)
	seconds := left*(0.7/recent+0.3/overall) - e.idle(now, done).Seconds()
	if seconds > maxETA.Seconds() {
		return Unknown
	}
	return time.Duration(max(seconds, 0) * float64(time.Second))
}
