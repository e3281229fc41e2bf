package bulk

import (
	"math"
	"time"
)

const (
	wideSpan   = 1.25
	narrowSpan = 1.15

	// worth is the least percentage of goodput that one percent more has to
	// bring: on a plateau fewer workers are better.
	worth = 0.05

	pays      = 1.25 // growth for a doubling that pays
	paysNot   = 1.02
	goodPart  = 0.93 // of the best goodput; the least setting that has it is where to begin
	smallMove = 0.08
	steep     = 0.5
	odd       = 0.25 // difference between two windows of the same setting
	longMove  = 0.5
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

// double goes on while that pays.
func (p *pilot) double(m measured) {
	a := &p.axes[p.on]
	if !a.auto() {
		p.begin(m)
		return
	}
	a.tried = append(a.tried, [2]float64{float64(a.set), m.items})
	a.best = math.Max(a.best, m.items)
	grown := 2.0
	if a.before > 0 {
		grown = m.items / a.before
	}
	a.before = m.items
	if a.flat++; grown >= pays {
		a.flat = 0
	}
	if grown >= paysNot && a.flat < 2 && a.set < int(a.most) {
		a.at = a.clamp(2 * float64(a.set))
		p.set(p.on, a.at, m)
		return
	}
	for _, t := range a.tried {
		if t[1] >= goodPart*a.best {
			a.at = t[0]
			break
		}
	}
	a.tried = nil
	p.decide("doubling %s does not pay above %.0f", axisUnit(p.on), a.at)
	p.set(p.on, a.at, m)
	if p.on == batches && p.axes[workers].auto() {
		p.curve.clear()
		p.on = workers
		return
	}
	p.begin(m)
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
	p.noise = 0.8*p.noise + 0.2*math.Max(apart, 0.005)
	if changed { // in the midst of the probe, which says nothing then
		p.curve.forget()
		p.again(wideSpan, firstHold)
		return
	}
	spread := p.noise / distance
	x := gain - worth
	if r, ok := p.fit(m.now); ok && p.on == workers {
		x = (x + math.Max(-1, elasticity(r, a.at)) - worth) / 2
		spread *= 0.7
	}
	x *= x * x / (x*x + spread*spread/2) // less of what may be noise
	if gain-spread > steep && a.at < a.most {
		p.climb(m)
		return
	}
	step := 0.9 * x
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
		p.decide("1%% more %s brings %.2g%% more items: from %.0f to %.0f", axisUnit(p.on), gain, was, a.at)
		if p.on == batches {
			p.curve.clear() // it is that of other batches
		}
	}
	p.goOn(m)
}

// climb doubles again, as a steep gain means that the best is far away.
func (p *pilot) climb(m measured) {
	a := &p.axes[p.on]
	was := a.at
	a.before, a.best, a.flat, a.tried, a.calm, a.same = 0, 0, 0, nil, 0, 0
	p.curve.forget()
	p.state = starting
	a.at = float64(a.set)
	p.set(p.on, a.at, m)
	p.decide("more %s than %.0f pay well: doubling", axisUnit(p.on), was)
}

// fit brings the evidence up to date too.
func (p *pilot) fit(now time.Duration) ([3]float64, bool) {
	r, ok := p.curve.fit(now)
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
		p.curve.forget()
		p.again(wideSpan, firstHold)
		p.decide("goodput was %s and is %s: a new search", pace(math.Exp(h.items)), pace(m.items))
		p.begin(m)
		return
	}
	if m.now > h.until {
		p.again(narrowSpan, min(2*h.length, longHold))
		p.begin(m)
	}
}

func (h *hold) changed(items, latency, noise float64) bool {
	h.fell = math.Max(0, h.fell+h.items-items-noise)
	h.rose = math.Max(0, h.rose+items-h.items-noise)
	h.moved = math.Max(0, h.moved+math.Abs(latency-h.latency)-1.5*noise)
	return max(h.fell, h.rose, h.moved) > math.Max(6*noise, 0.15)
}

// again prepares another search.
func (p *pilot) again(span float64, length time.Duration) {
	p.hold.length = length
	for i := range p.axes {
		p.axes[i].span, p.axes[i].calm = span, 0
	}
}

func axisUnit(axis int) string {
	if axis == batches {
		return "items in a batch"
	}
	return "workers"
}
