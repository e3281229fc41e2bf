package bulk

import "math"

// point is how much was done after some seconds of work.
type point struct{ t, done float64 }

// prediction is how the time left is told: as a factor to that at the present
// pace, and how far off it may be, as the deviation of its logarithm.
type prediction struct{ factor, sigma float64 }

const (
	fewPoints   = 30   // below, there is nothing to test a model on
	doubt       = 0.35 // the deviation then
	trust       = 0.05 // the least, whatever the tests say
	clearly     = 0.7  // a model must err less than this much of what the pace does, to replace it
	negligible  = 0.04 // squared error below which the pace is good enough
	quantileAt  = 1.2816
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

// backtest is the mean squared logarithm by which a model would have been off,
// had it been asked in the past when what is done now would be done. The bias is
// the mean of the same, with its sign.
func backtest(m model, curve []point) float64 {
	now := curve[len(curve)-1]
	var sum, n float64
	for i := len(curve) / 5; i < len(curve)*4/5; i++ {
		past := curve[:i+1]
		if p := past[i]; p.done <= 0 || p.t <= 0 || p.done >= now.done || i < 2 {
			continue
		}
		e := math.Log(m(past, now.done) / (now.t - curve[i].t))
		if math.IsNaN(e) || math.IsInf(e, 0) {
			e = 3
		}
		sum, n = sum+e*e, n+1
	}
	if n == 0 {
		return 1
	}
	return sum / n
}

// predict weighs the models by their tests, and leaves the pace alone unless
// they did clearly better: then the time left and the rate beside it agree.
func predict(curve []point, target float64, extra ...model) prediction {
	if len(curve) < fewPoints {
		return prediction{1, doubt}
	}
	now := curve[len(curve)-1]
	plain, paceError := steady(curve, target), backtest(steady, curve)
	best := paceError
	weight := 1 / (paceError + 0.003)
	weight *= weight
	mean, total, spread := weight*math.Log(plain), weight, weight*paceError
	for _, m := range append(models(), extra...) {
		e := backtest(m, curve)
		if t := m(curve, target); t > 0 && !math.IsInf(t, 0) {
			w := 1 / (e + 0.003)
			w *= w
			mean, total, spread = mean+w*math.Log(t), total+w, spread+w*e
			best = min(best, e)
		}
	}
	p := prediction{factor: 1}
	chosen := paceError
	if paceError > negligible && best < clearly*paceError {
		p.factor = math.Exp(mean/total) / plain
		chosen = spread / total
	}
	if !(p.factor > 0) || math.IsInf(p.factor, 0) {
		p.factor = 1
	}
	horizon := (target - now.done) / max(now.done, 1) // against what was tested
	p.sigma = max(trust, math.Sqrt(chosen)) * math.Sqrt(min(max(horizon, 0.5), maxHorizon))
	return p
}
