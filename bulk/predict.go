package bulk

import (
	"math"
	"slices"
)

// point is how much was done after some seconds of work.
type point struct{ t, done float64 }

// prediction is how the time left is told: as a factor to that at the present
// pace, and how far off it is at most in four of five cases, as a logarithm.
type prediction struct{ factor, band float64 }

const (
	fewPoints   = 30   // below, there is nothing to test a model on
	doubt       = 0.45 // the band then
	trust       = 0.06 // the least, whatever the tests say
	clearly     = 0.7  // a model must err less than this much of what the pace does, to replace it
	negligible  = 0.04 // squared error below which the pace is good enough
	renewed     = 1.01 // how much longer a job must have run for the models to be asked anew
	maxHorizon  = 3.0
	maxExponent = 3.0
)

// model tells how long it takes from the last of the points until target is
// done. It knows no later points, so it can be tested on the past.
type model func(past []point, target float64) float64

// models are the rivals of the present pace. None is best for every job: the
// overall mean for noise, a slow mean for drifts, a power law for work that gets
// harder, such as an insert into a growing index.
func models() []model {
	return []model{overall, drifting, power}
}

func overall(past []point, target float64) float64 {
	p := past[len(past)-1]
	return (target - p.done) * p.t / p.done
}

// drifting follows the rate of the last third.
func drifting(past []point, target float64) float64 {
	p := past[len(past)-1]
	q := past[len(past)*2/3]
	if p.done <= q.done {
		return overall(past, target)
	}
	return (target - p.done) * (p.t - q.t) / (p.done - q.done)
}

// power fits t = a·done^b through the half and the end of what was done.
func power(past []point, target float64) float64 {
	p := past[len(past)-1]
	half := 0
	for half < len(past)-1 && past[half].done < p.done/2 {
		half++
	}
	h := past[half]
	if h.done <= 0 || h.done >= p.done || h.t <= 0 {
		return overall(past, target)
	}
	b := math.Log(p.t/h.t) / math.Log(p.done/h.done)
	b = min(max(b, 1/maxExponent), maxExponent)
	return p.t * (math.Pow(target/p.done, b) - 1)
}

// steady is what the estimator's pace amounts to: a moving average over a tenth
// of the time, and at least five seconds.
func steady(past []point, target float64) float64 {
	var rate, weight float64
	for i := 1; i < len(past); i++ {
		dt := past[i].t - past[i-1].t
		if dt <= 0 {
			continue
		}
		alpha := 1 - math.Exp(-dt/max(5, past[i].t/10))
		rate += alpha * ((past[i].done-past[i-1].done)/dt - rate)
		weight += alpha * (1 - weight)
	}
	p := past[len(past)-1]
	if rate <= 0 {
		return overall(past, target)
	}
	return (target - p.done) * weight / rate
}

// backtest is by which logarithms a model would have been off, had it been asked
// in the past when what is done now would be done.
func backtest(m model, curve []point) []float64 {
	now := curve[len(curve)-1]
	var off []float64
	for i := max(len(curve)/5, 2); i < len(curve)*4/5; i++ {
		p := curve[i]
		if p.done <= 0 || p.t <= 0 || p.done >= now.done {
			continue
		}
		e := math.Log(m(curve[:i+1], now.done) / (now.t - p.t))
		if math.IsNaN(e) || math.IsInf(e, 0) {
			e = 3
		}
		off = append(off, e)
	}
	return off
}

func meanSquare(off []float64) float64 {
	if len(off) == 0 {
		return 1
	}
	sum := 0.0
	for _, e := range off {
		sum += e * e
	}
	return sum / float64(len(off))
}

// blend is several models taken together, each by the inverse square of its
// squared error.
type blend struct {
	weight, left float64   // sums; of the logarithm of the time left
	off          []float64 // sums; in the past
	best         float64   // squared error of the best model
}

func (b *blend) add(off []float64, left float64) {
	e := meanSquare(off)
	w := 1 / (e + 0.003)
	w *= w
	if b.weight == 0 {
		b.off, b.best = make([]float64, len(off)), e
	}
	b.weight, b.left, b.best = b.weight+w, b.left+w*math.Log(left), min(b.best, e)
	for i := range off {
		b.off[i] += w * off[i]
	}
}

// predict weighs the models by their tests, and leaves the pace alone unless
// they did clearly better: then the time left and the rate beside it agree.
func predict(curve []point, target float64, extra ...model) prediction {
	if len(curve) < fewPoints {
		return prediction{1, doubt}
	}
	plain, off := steady(curve, target), backtest(steady, curve)
	var all blend
	all.add(off, plain)
	for _, m := range append(models(), extra...) {
		if left := m(curve, target); left > 0 && !math.IsInf(left, 0) {
			all.add(backtest(m, curve), left)
		}
	}
	p := prediction{factor: 1}
	if e := meanSquare(off); e > negligible && all.best < clearly*e {
		if f := math.Exp(all.left/all.weight) / plain; f > 0 && !math.IsInf(f, 0) {
			p.factor = f
		}
		off = all.off
		for i := range off {
			off[i] /= all.weight
		}
	}
	done := curve[len(curve)-1].done
	horizon := (target - done) / max(done, 1) // against what was tested
	p.band = max(trust, largest(off)) * math.Sqrt(min(max(horizon, 1), maxHorizon))
	return p
}

// largest is the error that 95 of a hundred were below. A band of that width held
// four fifths of the truth in simulations, not more: what is to come is harder to
// tell than the past.
func largest(off []float64) float64 {
	if len(off) == 0 {
		return 1
	}
	sizes := make([]float64, len(off))
	for i, e := range off {
		sizes[i] = math.Abs(e)
	}
	slices.Sort(sizes)
	return sizes[len(sizes)*95/100]
}
