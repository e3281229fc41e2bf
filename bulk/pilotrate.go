package bulk

import (
	"math"
	"time"
)

// rateCap keeps calls below what the backend refuses.
type rateCap struct {
	rate   float64 // calls per second; 0 is none
	next   time.Duration
	failed float64       // the rate at which calls were refused last
	raise  time.Duration // when to raise the rate
	step   float64       // by which share
	told   float64       // the rate in the last decision
	small  int           // the batch before the one that is tried at this rate; 0 if none is
	items  bool          // larger batches are refused
}

const (
	smallStep = 0.01
	fluke     = 0.1 // the step after the first refusals, which may have been an accident
	spare     = 1.3 // workers for the rate, over what Little's law asks for
)

func (c *rateCap) wait(now time.Duration) time.Duration { return c.next - now }

func (c *rateCap) take(now time.Duration) {
	if c.rate > 0 {
		c.next = max(c.next, now-slack) + time.Duration(float64(time.Second)/c.rate)
	}
}

func (c *rateCap) pause(now, d time.Duration) {
	if d > 0 {
		c.next = max(c.next, now+d)
	}
}

// overloaded takes the rate that was accepted for the capacity.
func (p *pilot) overloaded(m measured) {
	if !p.axes[workers].auto() {
		return // fixed: the one that was refused waits, and that is all
	}
	c := &p.cap
	switch {
	case m.calls == 0:
		p.axes[workers].at = p.axes[workers].clamp(p.axes[workers].at / 2)
		p.set(workers, p.axes[workers].at, m)
		p.decide("all calls are refused: %d workers", p.axes[workers].set)
		return
	case c.small > 0:
		p.setBatch(c.small, m)
		c.rate = max(c.rate, min(1.5*c.rate, 0.9*m.items/float64(c.small)))
		c.failed, c.step, c.raise = c.rate, smallStep, m.now
		c.small, c.items = 0, true
		p.decide("refused with more items in a batch: %d as before", p.axes[batches].set)
		return
	case c.rate > 0:
		c.failed = c.rate
		c.rate = math.Max(0.6*c.rate, math.Min(0.97*c.rate, 0.98*m.calls))
		c.step, c.raise = smallStep, m.now+5*time.Second
	default:
		c.failed, c.rate = 0, 0.97*m.calls
		c.step, c.raise = fluke, m.now
	}
	p.keep(m.now)
	p.set(workers, p.needed(m), m)
	c.told = c.rate
	p.decide("refused at %s calls: paced to %s", pace(m.calls/(1-m.refused)), pace(c.rate))
}

// needed is the workers for the capped rate, by Little's law.
func (p *pilot) needed(m measured) float64 { return math.Max(2, p.cap.rate*m.latency*spare) }

// paced tries whether more is accepted by now, and whether the cap is still what
// limits.
func (p *pilot) paced(m measured) {
	c := &p.cap
	c.small = 0
	if m.calls < 0.8*c.rate && float64(p.axes[workers].set) > 1.1*c.rate*m.latency {
		p.decide("goodput of %s is below the pace of %s: a new search", pace(m.calls), pace(c.rate))
		*c = rateCap{}
		p.axes[workers].at = float64(p.axes[workers].set)
		p.begin(m)
		return
	}
	if b := &p.axes[batches]; !c.items && m.calls > 0.85*c.rate && b.set < int(b.most) {
		c.small = b.set
		p.setBatch(int(b.clamp(b.leap*float64(b.set))), m)
		p.decide("paced to %s calls: %d items in each are tried", pace(c.rate), b.set)
		return
	}
	if m.now > c.raise && m.calls > 0.85*c.rate {
		c.rate *= 1 + c.step
		c.raise = m.now + time.Second
		if near := c.rate / c.failed; near < 0.95 || near > 1.05 {
			c.step = math.Min(0.5, 2*c.step) // far from where it failed
		} else {
			c.step, c.raise = smallStep, m.now+10*time.Second
		}
		if c.rate > 1.05*c.told {
			c.told = c.rate
			p.decide("nothing refused: paced to %s calls", pace(c.rate))
		}
	}
	a := &p.axes[workers]
	a.set = int(math.Round(a.clamp(p.needed(m))))
}

func (p *pilot) setBatch(n int, m measured) {
	p.axes[batches].at = float64(n)
	p.set(batches, float64(n), m)
}
