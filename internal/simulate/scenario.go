package simulate

import (
	"math/rand/v2"
	"time"
)

// Length of a scenario.
const Length = 600 * time.Second

// MostWorkers is how far the search may go.
const MostWorkers = 512

// Scenario is a backend and what else matters.
type Scenario struct {
	Name    string
	Backend func() Backend
	Batch   int             // the largest batch; 1 unless batches are searched for
	Least   int             // the smallest
	Jobs    int             // that share the backend
	Source  float64         // items per second it gives; 0 is all that are wanted
	Failing float64         // share of items that fail
	Shifts  []time.Duration // when the best changes
	Long    bool            // takes long to simulate and shows nothing that others do not
}

// Scenarios returns those that gates are set for.
func Scenarios() []Scenario {
	law := Law{20, .03, .0004}
	scaling := func(spread, wobble, slow float64, phases ...Law) func() Backend {
		return func() Backend {
			return &Scaling{Phases: phases, Phase: Length / time.Duration(len(phases)), Spread: spread, Wobble: wobble, Slow: slow}
		}
	}
	plateau := func(p Plateau) func() Backend { return func() Backend { return &p } }
	limited := func(l Limited) func() Backend {
		return func() Backend { fresh := l; return &fresh }
	}
	third, half := Length/3, Length/2
	all := []Scenario{
		{Long: true, Name: "A contention, best 49", Backend: scaling(.4, 0, 0, law)},
		{Long: true, Name: "B plateau at 64", Backend: plateau(Plateau{Servers: 32, Base: .05, Spread: .4})},
		{Long: true, Name: "C refuses above 400/s", Backend: limited(Limited{Limits: []float64{400}, Burst: 40, Base: .1, Spread: .3})},
		{Name: "D best 49, 14, 150", Backend: scaling(.4, 0, 0, law, Law{8, .08, .005}, Law{6, .005, .00004}), Shifts: []time.Duration{third, 2 * third}},
		{Name: "E harmless latency", Backend: plateau(Plateau{Servers: 32, Base: .05, Later: half, Extra: .15, Spread: .4}), Shifts: []time.Duration{half}},
		{Long: true, Name: "F noise", Backend: scaling(1.5, .15, 0, law)},
		{Name: "G calls of 2 s", Backend: scaling(.4, 0, 0, Law{.5, .03, .0004})},
		{Long: true, Name: "H1 contention, best 9", Backend: scaling(.4, 0, 0, Law{20, .05, .012})},
		{Long: true, Name: "H2 plateau at 200", Backend: plateau(Plateau{Servers: 200, Base: .1, Spread: .4})},
		{Name: "H3 refuses above 300/s, 120/s", Backend: limited(Limited{Limits: []float64{300, 120}, Phase: half, Burst: 40, Base: .1, Spread: .3}), Shifts: []time.Duration{half}},
		{Long: true, Name: "H4 brown-out", Backend: scaling(.4, 0, 0, law, Law{4, .08, .004}, law), Shifts: []time.Duration{third, 2 * third}},
		{Long: true, Name: "H5 one of 20 takes 20 times", Backend: scaling(.4, 0, .05, law)},
		{Name: "I two jobs, one backend", Backend: scaling(.4, 0, 0, law), Jobs: 2},
		{Name: "J source gives 120/s", Backend: scaling(.4, 0, 0, law), Source: 120},
		{Name: "K a fifth of the items fails", Backend: scaling(.4, 0, 0, law), Failing: .2},
		{Name: "L batches, best 1000 by 49", Backend: func() Backend {
			return &Scaling{Phases: []Law{law}, Spread: .4, Cost: Cost{.005, 1e-6}}
		}, Batch: 5000},
	}
	all = append(all, joint()...)
	for i := range all {
		all[i].Least, all[i].Batch, all[i].Jobs = max(all[i].Least, 1), max(all[i].Batch, 1), max(all[i].Jobs, 1)
	}
	return all
}

// joint are the scenarios in which a call costs a part for itself and one for
// each item, so that the best batch and the best number of workers are searched
// for together.
func joint() []Scenario {
	law, linear := Law{100, .03, .0004}, Cost{PerItem: .01}
	scaling := func(s Scaling) func() Backend { return func() Backend { return &s } }
	plateau := func(p Plateau) func() Backend { return func() Backend { return &p } }
	limited := func(l Limited) func() Backend {
		return func() Backend { fresh := l; return &fresh }
	}
	return []Scenario{
		{Long: true, Name: "M1 batches, contention", Backend: scaling(Scaling{Phases: []Law{law}, Spread: .4, Cost: linear}), Batch: 5000},
		{Name: "M2 batches, contention, shifts", Backend: scaling(Scaling{Phases: []Law{law, {40, .08, .005}}, Phase: Length / 2, Spread: .4, Cost: linear}), Batch: 5000, Shifts: []time.Duration{Length / 2}},
		{Name: "M3 batches, a database", Backend: scaling(Scaling{Phases: []Law{{500, .3, .003}}, Spread: .6, Wobble: .1, Cost: linear}), Least: 50, Batch: 5000},
		{Long: true, Name: "M4 batches, plateau at 4", Backend: plateau(Plateau{Servers: 4, Base: .01, Spread: .4, Cost: Cost{.004, 4e-7}}), Least: 50, Batch: 5000},
		{Long: true, Name: "M5 batches of no use", Backend: scaling(Scaling{Phases: []Law{law}, Spread: .4, Cost: Cost{PerItem: 1}}), Batch: 100},
		{Name: "N1 batches, limit of calls", Backend: limited(Limited{Limits: []float64{60}, Burst: 20, Base: .1, Spread: .3, Cost: linear}), Batch: 500},
		{Name: "N2 batches, limit of items", Backend: limited(Limited{Limits: []float64{20000, 8000}, Items: true, Phase: Length / 2, Burst: 8000, Base: .1, Spread: .3, Cost: linear}), Batch: 500, Shifts: []time.Duration{Length / 2}},
		{Name: "O batches, source gives 20000/s", Backend: scaling(Scaling{Phases: []Law{law}, Spread: .4, Cost: linear}), Source: 20000, Batch: 5000},
	}
}

// Random returns a scenario of random parameters.
func Random(seed uint64) Scenario {
	r := rand.New(rand.NewPCG(seed, 99))
	between := func(low, high float64) float64 { return low + (high-low)*r.Float64() }
	law := func() Law { return Law{between(1, 30), between(0, .1), between(.00003, .01)} }
	s := Scenario{Least: 1, Batch: 1, Jobs: 1}
	switch r.IntN(3) {
	case 0:
		s.Name = "random contention"
		b := Scaling{Phases: []Law{law(), law()}, Phase: Length / 2, Spread: between(.2, 1.2), Wobble: between(0, .1)}
		s.Backend = func() Backend { return &b }
	case 1:
		s.Name = "random plateau"
		base := between(.01, .3)
		b := Plateau{Servers: between(4, 150), Base: base, Later: Length / 2, Extra: between(0, base), Spread: between(.2, 1.2)}
		s.Backend = func() Backend { return &b }
	default:
		s.Name = "random limit"
		b := Limited{Limits: []float64{between(50, 500), between(50, 500)}, Phase: Length / 2, Burst: between(5, 60), Base: between(.02, .3), Spread: between(.2, 1)}
		s.Backend = func() Backend { fresh := b; return &fresh }
	}
	return s
}

// Oracle is the number of items that the best fixed settings, chosen anew when
// the backend changes, get done until the end.
func (s Scenario) Oracle() []float64 {
	b := s.Backend()
	perSecond := make([]float64, int(Length/time.Second))
	for i := range perSecond {
		t := time.Duration(i)*time.Second + time.Second/2
		if i > 0 && !s.changes(b, t) {
			perSecond[i] = perSecond[i-1]
			continue
		}
		perSecond[i] = Best(b, MostWorkers, s.Batch, t) * (1 - s.Failing)
		if s.Source > 0 {
			perSecond[i] = min(perSecond[i], s.Source*(1-s.Failing))
		}
	}
	return perSecond
}

// changes tells whether the backend is another one than a second before.
func (s Scenario) changes(b Backend, t time.Duration) bool {
	for _, n := range []float64{1, 30, MostWorkers} {
		for _, items := range []float64{1, float64(s.Batch)} {
			if b.Rate(n, items, t) != b.Rate(n, items, t-time.Second) {
				return true
			}
		}
	}
	return false
}
