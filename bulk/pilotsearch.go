package bulk

import (
	"math"
	"time"
)

const (
	smallMove = 0.08
	steep     = 0.5
	odd       = 0.25 // difference between two windows of the same setting
	longMove  = 0.5
	longCall  = 5 * time.Second
	shortCall = 100 * time.Millisecond // keeps a window at its least
	firstHold = 10 * time.Second
	longHold  = 80 * time.Second
)

// hold is a time of rest, in which goodput and latency are compared with what
// they were at its beginning.
type hold struct {
	length, until     time.Duration
	seen              int     // windows
	items, latency    float64 // logarithms
	fell, rose, moved float64 // cumulative sums of the deviations
}

// search looks at a window with nothing in the way.
func (p *pilot) search(m measured) {
	switch p.state {
	case starting:
		p.double(m)
	case probing:
		p.legs[p.leg] = math.Log(m.items)
		if p.leg++; p.leg == len(p.legs) {
			p.leg = 0
			p.move(m)
		}
		if p.state == probing {
			p.probe(m)
		}
	case holding:
		p.watch(m)
	}
}

// double looks for the range of the best setting by leaps: up while that pays,
// and down while the least that was tried is the best.
func (p *pilot) double(m measured) {
	if p.fresh {
		if p.fresh = false; p.enlarge(m) {
			return
		}
	}
	a := &p.axes[p.on]
	if !a.auto() {
		p.begin(m)
		return
	}
	next, more := a.ramp.next(a, m)
	a.at = a.clamp(next)
	p.set(p.on, a.at, m)
	if more {
		return
	}
	grown := a.at >= a.leap*a.ramp.tried[0].setting
	a.ramp = ramp{over: true}
	p.decide("%s %s does not pay above %.0f", a.leaping, a.unit, a.at)
	w, b := &p.axes[workers], &p.axes[batches]
	switch {
	case b.auto() && !b.ramp.over:
		p.on = batches
	case a == b && grown && w.auto(): // much larger batches may be for other workers
		w.ramp, p.on = ramp{}, workers
	default:
		p.begin(m)
	}
}

// enlarge goes to the middle of the sizes of a batch at once, or less far where
// calls would not stay short if their time grew as their items do.
func (p *pilot) enlarge(m measured) bool {
	b := &p.axes[batches]
	n := math.Min(math.Sqrt(b.least*b.most), b.at*shortCall.Seconds()/m.latency)
	if !b.auto() || n < 2*b.at {
		return false
	}
	p.decide("calls of %d items are short: %.0f in a batch", b.set, n)
	b.at = math.Round(n)
	p.set(batches, b.at, m)
	return true
}

// ramp is the start of an axis.
type ramp struct {
	tried  []trial
	best   float64 // goodput
	before float64 // the goodput of the last window
	flat   int     // windows in a row that did not pay
	down   bool
	over   bool
}

type trial struct{ setting, items float64 }

// next returns the setting to try now, or the one to probe at.
func (r *ramp) next(a *axis, m measured) (setting float64, more bool) {
	now := float64(a.set)
	r.tried = append(r.tried, trial{now, m.items})
	r.best = math.Max(r.best, m.items)
	if !r.down && r.pays(a, m.items) && now < a.most && (!a.slow || m.latency*a.leap < longCall.Seconds()) {
		return now * a.leap, true
	}
	least, setting := now, a.most
	for _, t := range r.tried {
		least = math.Min(least, t.setting)
		if t.items >= a.part*r.best {
			setting = math.Min(setting, t.setting)
		}
	}
	if r.down = true; setting == least && least > a.least {
		return setting / a.leap, true
	}
	return setting, false
}

func (r *ramp) pays(a *axis, items float64) bool {
	grown := a.pays
	if r.before > 0 {
		grown = items / r.before
	}
	r.before = items
	if r.flat++; grown >= a.pays {
		r.flat = 0
	}
	return grown >= a.harms && r.flat < 2
}

// begin starts to probe.
func (p *pilot) begin(m measured) {
	if p.on = workers; !p.axes[workers].auto() {
		p.on = batches
	}
	p.leg = 0
	if p.state = holding; p.axes[p.on].auto() {
		p.state = probing
		p.probe(m)
	}
}

// probe puts the next leg in force: less, more, more, less, which cancels what
// changes steadily by itself.
func (p *pilot) probe(m measured) {
	low, high := p.axes[p.on].legs()
	if p.leg == 0 || p.leg == 3 {
		p.set(p.on, low, m)
	} else {
		p.set(p.on, high, m)
	}
}

// legs are the two settings to compare. At a bound one of them is the bound.
func (a *axis) legs() (low, high float64) {
	low, high = math.Round(a.at/a.span), math.Round(a.at*a.span)
	if high-low < 2 {
		low, high = math.Round(a.at)-1, math.Round(a.at)+1
	}
	low, high = a.clamp(low), a.clamp(high)
	if high <= low {
		low, high = a.clamp(low-1), a.clamp(low+1)
	}
	return low, high
}

// move draws the conclusion from a probe.
func (p *pilot) move(m measured) {
	a := &p.axes[p.on]
	low, high := a.legs()
	distance := math.Log(high / low)
	gain := ((p.legs[1] + p.legs[2]) - (p.legs[0] + p.legs[3])) / 2 / distance
	inner, outer := math.Abs(p.legs[1]-p.legs[2]), math.Abs(p.legs[0]-p.legs[3])
	changed := max(inner, outer) > math.Max(6*p.noise, odd)
	apart := (inner + outer) / 2
	if p.on == workers {
		p.known.saturated = !changed && gain < a.worth
	}
	p.noise = 0.8*p.noise + 0.2*math.Max(apart, 0.005)
	if changed { // in the midst of the probe, which says nothing then
		p.forget()
		return
	}
	spread := p.noise / distance
	x := gain - a.worth
	if r, ok := p.fit(m.now); ok && p.on == workers {
		if e := math.Max(-1, elasticity(r, a.at)); math.Abs(e-gain) < 5*spread {
			x = (gain+e)/2 - a.worth
			spread *= 0.7
		} else {
			a.curve.forget() // it tells of another time
		}
	}
	x *= x * x / (x*x + spread*spread/2) // less of what may be noise
	if gain-spread > steep && a.at < a.most {
		a.curve.forget()
		p.climb(m)
		p.decide("1%% more %s brings %.2g%% more items: %s them from %d", a.unit, gain, a.leaping, a.set)
		return
	}
	step := a.stride * x
	if a.same++; a.last*x <= 0 {
		a.same = 0
	}
	a.last = x
	if a.same >= 2 {
		step *= 1.6
	}
	step = math.Max(-longMove, math.Min(longMove, step))
	was := a.at
	a.at = a.clamp(a.at * math.Exp(step))
	step = math.Log(a.at / was)
	if a.calm++; math.Abs(step) >= smallMove && a.same > 0 {
		a.calm = 0
	}
	if math.Abs(step) >= smallMove {
		p.decide("1%% more %s brings %.2g%% more items: from %.0f to %.0f", a.unit, gain, was, a.at)
		p.axes[1-p.on].curve.scale(math.Exp(gain * step)) // it is that of other batches, or workers
	}
	p.goOn(m)
}

// climb starts anew from here, as the best may be far away.
func (p *pilot) climb(m measured) {
	a := &p.axes[p.on]
	a.ramp, a.calm, a.same = ramp{}, 0, 0
	p.state = starting
	a.at = float64(a.set)
	p.set(p.on, a.at, m)
}

// fit brings the evidence up to date too.
func (p *pilot) fit(now time.Duration) ([3]float64, bool) {
	r, ok := p.axes[workers].curve.fit(now)
	if ok && r[0] > 0 {
		p.known.sigma, p.known.kappa, p.known.peak = r[1]/r[0], r[2]/r[0], 0
		if r[2] > 0 && r[1] < r[0] {
			p.known.peak = math.Sqrt((r[0] - r[1]) / r[2])
		}
	}
	return r, ok
}

// goOn turns to the other axis if that is not calm, and holds if none is left.
func (p *pilot) goOn(m measured) {
	for range p.axes {
		p.on = (p.on + 1) % len(p.axes)
		if a := &p.axes[p.on]; a.auto() && a.calm < 2 {
			return
		}
	}
	p.keep(m.now)
	for i := range p.axes {
		p.set(i, p.axes[i].at, m)
		p.axes[i].calm = 0
	}
}

// keep begins a time of rest. Of many processes that began together not all
// probe at once, hence the chance in it.
func (p *pilot) keep(now time.Duration) {
	p.state = holding
	p.hold.seen = 0
	p.hold.until = now + time.Duration(float64(p.hold.length)*(0.8+0.4*p.rnd()))
}

// watch probes anew when the backend has changed, and from time to time.
func (p *pilot) watch(m measured) {
	h := &p.hold
	items, latency := math.Log(m.items), math.Log(m.latency)
	if h.seen < 2 {
		h.items = (h.items*float64(h.seen) + items) / float64(h.seen+1)
		h.latency = (h.latency*float64(h.seen) + latency) / float64(h.seen+1)
		h.seen++
		h.fell, h.rose, h.moved = 0, 0, 0
	} else if h.changed(items, latency, p.noise) {
		p.forget()
		p.axes[workers].curve.clear()
		p.decide("goodput was %s and is %s: a new search", pace(math.Exp(h.items)), pace(m.items))
		if p.begin(m); math.Abs(items-h.items) > longMove {
			p.climb(m)
		}
		return
	}
	if m.now > h.until {
		h.length = min(2*h.length, longHold)
		for i := range p.axes {
			a := &p.axes[i]
			a.span, a.calm = a.narrow, 0
		}
		p.begin(m)
	}
}

func (h *hold) changed(items, latency, noise float64) bool {
	h.fell = math.Max(0, h.fell+h.items-items-noise)
	h.rose = math.Max(0, h.rose+items-h.items-noise)
	h.moved = math.Max(0, h.moved+math.Abs(latency-h.latency)-1.5*noise)
	return max(h.fell, h.rose, h.moved) > math.Max(6*noise, 0.15)
}

// forget prepares a search on a backend that has changed.
func (p *pilot) forget() {
	p.hold.length = firstHold
	for i := range p.axes {
		a := &p.axes[i]
		a.curve.forget()
		a.span, a.calm = a.wide, 0
	}
}
