package autopilot

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/otelmon/otelmon-go/internal/simulate"
)

const (
	most  = simulate.MostWorkers
	first = 20 // where the rivals begin, as their defaults have it
)

// sample is the result of a call.
type sample struct {
	now, took time.Duration
	inFlight  int
	refused   bool
}

// limiter admits calls. done, which it returns, takes the result of one.
type limiter interface {
	admit(inFlight int) (done func(sample), ok bool)
}

// rule is a limiter that is a number.
type rule interface {
	limit() int
	done(s sample)
}

type ruled struct{ rule }

func (r ruled) admit(inFlight int) (func(sample), bool) {
	return r.done, inFlight < r.limit()
}

type fixed int

func (f fixed) limit() int { return int(f) }
func (fixed) done(sample)  {}

type failsafe struct {
	adaptivelimiter.AdaptiveLimiter[any]
}

func newFailsafe() failsafe {
	return failsafe{adaptivelimiter.NewBuilder[any]().WithLimits(1, most, first).Build()}
}

func (f failsafe) admit(int) (func(sample), bool) {
	permit, ok := f.TryAcquirePermit()
	return func(s sample) {
		if s.refused {
			permit.Drop() // it knows no other sign of overload
		} else {
			permit.Record()
		}
	}, ok
}

// aimd adds one for each call and takes a tenth for a refused one.
type aimd struct{ n float64 }

func (a *aimd) limit() int { return int(a.n) }

func (a *aimd) done(s sample) {
	switch {
	case s.refused || s.took > 5*time.Second:
		a.n = math.Max(1, a.n*0.9)
	case float64(s.inFlight)*2 >= a.n:
		a.n = math.Min(most, a.n+1)
	}
}

// windowed gives a rule the mean of a second.
type windowed struct {
	rule
	next    time.Duration
	sum     time.Duration
	calls   int
	busiest int
	refused bool
}

func (w *windowed) done(s sample) {
	w.busiest = max(w.busiest, s.inFlight)
	if s.refused {
		w.refused = true
	} else {
		w.sum += s.took
		w.calls++
	}
	if s.now > w.next && w.calls >= 10 {
		w.rule.done(sample{s.now, w.sum / time.Duration(w.calls), w.busiest, w.refused})
		*w = windowed{rule: w.rule, next: s.now + time.Second}
	}
}

// vegas holds the queue that it infers from the least latency.
type vegas struct {
	n, least float64
	probe    int
}

func (v *vegas) limit() int { return int(v.n) }

func (v *vegas) done(s sample) {
	rtt := s.took.Seconds()
	if v.probe++; v.least == 0 || rtt < v.least || float64(v.probe) > 30*v.n {
		v.least, v.probe = rtt, 0
		return
	}
	log := math.Max(1, math.Log10(v.n))
	queue := math.Ceil(v.n * (1 - v.least/rtt))
	switch {
	case s.refused:
		v.n -= log
	case float64(s.inFlight)*2 < v.n:
	case queue <= log:
		v.n += 6 * log
	case queue < 3*log:
		v.n += log
	case queue > 6*log:
		v.n -= log
	}
	v.n = math.Max(1, math.Min(most, v.n))
}

// gradient follows the short latency against the long. It ignores refusals.
type gradient struct {
	n, long float64
	seen    int
}

func (g *gradient) limit() int { return int(g.n) }

func (g *gradient) done(s sample) {
	short := s.took.Seconds()
	if g.seen++; g.seen <= 10 {
		g.long += (short - g.long) / float64(g.seen)
	} else {
		g.long += (short - g.long) * 2 / 601
	}
	if g.long > 2*short {
		g.long *= 0.95
	}
	if float64(s.inFlight) < g.n/2 {
		return
	}
	slope := math.Max(0.5, math.Min(1, 1.5*g.long/short))
	g.n = math.Max(1, math.Min(most, 0.8*g.n+0.2*(g.n*slope+4)))
}

// climbing modulates the number by a wave and looks for it in the throughput.
type climbing struct {
	rnd             *rand.Rand
	n, total, calls int
	set, noise      float64
	rates, threads  [32]float64
	start, interval time.Duration
	heldTime        float64
	heldCalls       int
}

func newClimbing(seed uint64) *climbing {
	c := &climbing{rnd: rand.New(rand.NewPCG(seed, 7)), n: first, set: first}
	c.interval = c.random()
	return c
}

func (c *climbing) limit() int { return c.n }

func (c *climbing) random() time.Duration {
	return time.Duration(10+c.rnd.IntN(191)) * time.Millisecond
}

// wave is the component of a period in the last n samples (Goertzel).
func (c *climbing) wave(samples *[32]float64, n int, period float64) complex128 {
	w := 2 * math.Pi / period
	q1, q2 := 0.0, 0.0
	for i := range n {
		q1, q2 = 2*math.Cos(w)*q1-q2+samples[(c.total-n+i)%32], q1
	}
	return complex((q1-q2*math.Cos(w))/float64(n), q2*math.Sin(w)/float64(n))
}

func (c *climbing) done(s sample) {
	if !s.refused {
		c.calls++
	}
	if s.now-c.start < c.interval {
		return
	}
	took, calls := (s.now-c.start).Seconds()+c.heldTime, c.calls+c.heldCalls
	c.start, c.calls = s.now, 0
	if c.total > 0 && float64(c.n-1)/float64(max(calls, 1)) >= 0.15 {
		c.heldTime, c.heldCalls, c.interval = took, calls, 10*time.Millisecond
		return
	}
	c.heldTime, c.heldCalls = 0, 0
	c.rates[c.total%32], c.threads[c.total%32] = float64(calls)/took, float64(c.n)
	c.total++
	ratio, confidence := c.ratio()
	move := math.Max(-1, math.Min(1, ratio)) * math.Max(0, math.Min(1, confidence))
	c.set += math.Min(math.Copysign(move*move, move)*4*took, 20)
	size := max(1, min(20, int(0.5+c.set*c.noise*6)))
	c.set = math.Max(1, math.Min(float64(most-size), c.set))
	n := max(1, min(most, int(c.set)+size*(c.total/2%2)))
	if n != c.n || c.interval <= 10*time.Millisecond {
		c.interval = c.random()
	}
	c.n = n
	if ratio < 0 && n == 1 {
		c.interval = time.Duration(float64(c.interval) * 10 * math.Min(-ratio, 1))
	}
}

func (c *climbing) ratio() (ratio, confidence float64) {
	n := min(c.total-1, 32) / 4 * 4
	if n <= 4 {
		return 0, 0
	}
	rate, threads := 0.0, 0.0
	for i := range n {
		rate += c.rates[(c.total-n+i)%32] / float64(n)
		threads += c.threads[(c.total-n+i)%32] / float64(n)
	}
	if rate == 0 || threads == 0 {
		return 0, 0
	}
	near := magnitude(c.wave(&c.rates, n, float64(n)/(float64(n)/4+1))) / rate
	if period := float64(n) / (float64(n)/4 - 1); period <= float64(n) {
		near = math.Max(near, magnitude(c.wave(&c.rates, n, period))/rate)
	}
	out := c.wave(&c.rates, n, 4) / complex(rate, 0)
	in := c.wave(&c.threads, n, 4) / complex(threads, 0)
	if c.noise == 0 {
		c.noise = near
	}
	c.noise = 0.99*c.noise + 0.01*near
	if magnitude(in) > 0 {
		ratio = real((out - 0.15*in) / in)
	}
	if noise := math.Max(c.noise, near); noise > 0 {
		return ratio, magnitude(in) / noise / 3
	}
	return ratio, 1
}

func magnitude(c complex128) float64 { return math.Hypot(real(c), imag(c)) }
