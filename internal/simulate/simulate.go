// Package simulate has models of backends under load, for tests and benchmarks
// of what looks for the best concurrency. A backend says how long a call takes
// that comes when a number of them is under way, and what the best is that could
// be got out of it.
package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backend is a model of something that calls are made to.
type Backend interface {
	// Serve says how long a call with so many items takes that comes at t as the
	// nth of those under way, and whether it is refused.
	Serve(n, items int, t time.Duration, r *rand.Rand) (took time.Duration, refused bool)
	// Rate is the items per second with n calls of so many items at once.
	Rate(n, items float64, t time.Duration) float64
}

// Law is the Universal Scalability Law: Rate calls per second by one worker,
// contention Sigma and crosstalk Kappa.
type Law struct{ Rate, Sigma, Kappa float64 }

func (l Law) rate(n float64) float64 {
	return l.Rate * n / (1 + l.Sigma*(n-1) + l.Kappa*n*(n-1))
}

// Scaling is a backend that follows a law, another one in each phase.
type Scaling struct {
	Phases []Law
	Phase  time.Duration // length of each
	Spread float64       // coefficient of variation of the latency
	Wobble float64       // amplitude of a slow oscillation
	Slow   float64       // share of items that take 20 times as long
	Cost
}

// Cost is that of each further item in a batch, as a part of a call of one.
type Cost struct {
	PerItem  float64
	PerItem2 float64 // the same by its square
}

func (c Cost) of(items float64) float64 {
	return 1 + c.PerItem*(items-1) + c.PerItem2*(items-1)*(items-1)
}

func (s *Scaling) at(t time.Duration) Law {
	i := 0
	if s.Phase > 0 {
		i = min(int(t/s.Phase), len(s.Phases)-1)
	}
	return s.Phases[i]
}

// Serve implements [Backend].
func (s *Scaling) Serve(n, items int, t time.Duration, r *rand.Rand) (time.Duration, bool) {
	mean := float64(n) / s.at(t).rate(float64(n)) * s.of(float64(items))
	mean *= 1 + s.Wobble*math.Sin(2*math.Pi*t.Seconds()/47)
	if s.Slow > 0 && r.Float64() < s.Slow {
		mean *= slower
	}
	return spread(mean, s.Spread, r), false
}

const slower = 20

// Rate implements [Backend].
func (s *Scaling) Rate(n, items float64, t time.Duration) float64 {
	return s.at(t).rate(n) * items / s.of(items) / (1 + (slower-1)*s.Slow)
}

// Plateau is a backend with so many servers behind a queue. From Later on, each
// call takes Extra longer, on the network and to no server's load.
type Plateau struct {
	Servers, Base float64
	Later         time.Duration
	Extra         float64
	Spread        float64
	Cost
}

// Serve implements [Backend].
func (p *Plateau) Serve(n, items int, t time.Duration, r *rand.Rand) (time.Duration, bool) {
	return spread(float64(n*items)/p.Rate(float64(n), float64(items), t), p.Spread, r), false
}

// Rate implements [Backend].
func (p *Plateau) Rate(n, items float64, t time.Duration) float64 {
	call := p.Base * p.of(items)
	base := call
	if p.Later > 0 && t >= p.Later {
		base += p.Extra
	}
	const knee = 6 // how sharp the bend is
	return items * math.Pow(math.Pow(n/base, -knee)+math.Pow(p.Servers/call, -knee), -1./knee)
}

// Limited is a backend that refuses what comes faster than so many calls per
// second, or items, another number in each phase.
type Limited struct {
	Limits []float64
	Items  bool
	Phase  time.Duration
	Burst  float64
	Base   float64
	Spread float64
	Cost

	tokens float64
	last   time.Duration
}

func (l *Limited) limit(t time.Duration) float64 {
	i := 0
	if l.Phase > 0 {
		i = min(int(t/l.Phase), len(l.Limits)-1)
	}
	return l.Limits[i]
}

// Serve implements [Backend].
func (l *Limited) Serve(_, items int, t time.Duration, r *rand.Rand) (time.Duration, bool) {
	asked := 1.0
	if l.Items {
		asked = float64(items)
	}
	l.tokens = math.Min(l.Burst, l.tokens+l.limit(t)*(t-l.last).Seconds())
	l.last = t
	if l.tokens < asked {
		return 5 * time.Millisecond, true
	}
	l.tokens -= asked
	return spread(l.Base*l.of(float64(items)), l.Spread, r), false
}

// Rate implements [Backend].
func (l *Limited) Rate(n, items float64, t time.Duration) float64 {
	able := n / l.Base / l.of(items)
	if l.Items {
		return math.Min(able*items, l.limit(t))
	}
	return math.Min(able, l.limit(t)) * items
}

func spread(mean, variation float64, r *rand.Rand) time.Duration {
	v := math.Log(1 + variation*variation)
	return time.Duration(mean * math.Exp(math.Sqrt(v)*r.NormFloat64()-v/2) * float64(time.Second))
}

// Best is the most items per second that a fixed number of workers, and a fixed
// size of batches, can get out of a backend at t.
func Best(b Backend, most, batch int, t time.Duration) (best float64) {
	for n := 1; n <= most; n++ {
		for size := 1; ; size = min(size+size/8+1, batch) {
			best = math.Max(best, b.Rate(float64(n), float64(size), t))
			if size >= batch {
				break
			}
		}
	}
	return best
}
