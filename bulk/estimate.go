package bulk

import (
	"math"
	"slices"
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
	longest     float64   // the longest of late, as far as it was no stall

	total  int64 // as of the last observation; what the models predict
	curve  thinner[point]
	origin time.Time // of the curve: when processing began
	model  prediction
	asked  point // end of the curve and the total when the models were asked last
	past   *past // what earlier runs of the name tell; nil without

	seen  time.Time // last observation with items, skipped ones too
	items int64     // at seen
}

func (e *estimator) start(now time.Time) { e.begun, e.last, e.seen = now, now, now }

// observe is called about once a second.
func (e *estimator) observe(now time.Time, c counts) {
	e.note(now, c)
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
	// A gap that was a stall counts as far as it was none, so a second stall like
	// it is told too; and a long one is forgotten in time.
	e.longest = max(min(dt, e.patience()), e.longest*math.Exp2(-dt/max(20*e.longest, 1)))
	if e.gap == 0 {
		e.gap = dt
	}
	e.gap += 0.2 * (dt - e.gap)
	e.last, e.done = now, done
}

// note adds to the curve and asks the models anew.
func (e *estimator) note(now time.Time, c counts) {
	if e.weight == 0 {
		e.origin = e.last
		return
	}
	p := point{now.Sub(e.origin).Seconds(), float64(c.processed())}
	e.curve.add(p)
	if e.total <= c.items() {
		return
	}
	target := p.done + float64(e.total-c.items())
	if p.t < renewed*e.asked.t && target == e.asked.done {
		return
	}
	e.asked = point{p.t, target}
	e.model = predict(append(slices.Clip(e.curve.kept), p), target, e.past.models(target)...)
}

// pause moves all that is measured from as if the time had not passed, in which
// the process was stopped or the machine asleep.
func (e *estimator) pause(d time.Duration) {
	e.begun, e.last, e.seen, e.origin = e.begun.Add(d), e.last.Add(d), e.seen.Add(d), e.origin.Add(d)
}

// patience is the seconds without progress that are no stall yet.
func (e *estimator) patience() float64 {
	return max(minStall.Seconds(), 5*e.gap, 2*e.longest, e.past.patience())
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
		return idle > max(firstStall, time.Duration(e.past.patience()*float64(time.Second)))
	}
	return idle.Seconds() > e.patience()
}

// eta is what is left at the present pace, as if none of it would be skipped, or
// what models say that did better in the past of this operation.
// It is Unknown without a total, before the first item is processed, and in a
// stall, where any number would be a lie.
func (e *estimator) eta(now time.Time, c counts, total int64) time.Duration {
	if left := e.recalled(now, c, total); left >= 0 {
		return left
	}
	pace := e.pace(now, c)
	if total < c.items() || pace <= 0 || e.stalled(now, c) {
		return Unknown
	}
	// Between two slow items it counts down, by the one that is under way: by
	// more, it would contradict the pace.
	under := min(1, pace*e.idle(now, c).Seconds())
	seconds := (float64(total-c.items()) - under) / pace * e.factor()
	if seconds > maxETA.Seconds() {
		return Unknown
	}
	return time.Duration(max(seconds, 0) * float64(time.Second))
}

// recalled is the time left by what earlier runs took, while too little was seen
// of this one; else Unknown.
func (e *estimator) recalled(now time.Time, c counts, total int64) time.Duration {
	if e.past == nil || len(e.curve.kept) >= fewPoints || total <= c.items() || e.stalled(now, c) {
		return Unknown
	}
	whole := float64(c.processed() + total - c.items())
	left := e.past.usual(whole, whole) - e.past.usual(float64(c.processed()), whole)
	return max(left-e.idle(now, c), 0)
}

// slow tells that this run took much longer than is usual until here.
func (e *estimator) slow(now time.Time, c counts, total int64) bool {
	if e.past == nil || total < c.items() {
		return false
	}
	whole := float64(c.processed() + total - c.items())
	usual := e.past.usual(float64(c.processed()), whole)
	spent := now.Sub(e.begun)
	return spent > minStall && float64(spent) > slower*float64(usual)+float64(2*beat)
}

func (e *estimator) factor() float64 {
	if e.model.factor == 0 {
		return 1
	}
	return e.model.factor
}

// between is the time that with four fifths of certainty the ETA lies between.
func (e *estimator) between(eta time.Duration) (low, high time.Duration) {
	if eta < 0 {
		return Unknown, Unknown
	}
	band := e.model.band
	if band == 0 {
		band = 2 * doubt
	}
	f := math.Exp(band)
	return time.Duration(float64(eta) / f), time.Duration(min(float64(eta)*f, float64(maxETA)))
}
