package health

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func randomResults(source *rand.Rand, n int) []Result {
	reasons := []Reason{ReasonPending, ReasonStale, ReasonStopped}
	results := make([]Result, n)
	for i := range results {
		results[i] = Result{
			State:    State(source.IntN(4)),
			Reason:   reasons[source.IntN(len(reasons))],
			Critical: source.IntN(2) == 0,
			Probes:   Probe(source.IntN(8)),
		}
	}
	return results
}

// A verdict must not depend on the order in which results are joined, on their
// grouping, or on how often one is joined; nor hide a critical failure.
func TestVerdictIsALattice(t *testing.T) {
	source := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		for _, p := range []Probe{0, Liveness, Readiness, Startup} {
			results := randomResults(source, source.IntN(7))
			verdict := func(results ...Result) State {
				if p != 0 {
					return Report{Results: results}.Verdict(p)
				}
				verdict := StateHealthy
				for i := range results {
					verdict = worst(verdict, results[i].weight(0))
				}
				return verdict
			}
			want := verdict(results...)

			shuffled := slices.Clone(results)
			source.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if got := verdict(shuffled...); got != want {
				t.Fatalf("order matters: %s, %s: %+v", want, got, results)
			}
			cut := source.IntN(len(results) + 1)
			if got := worst(verdict(results[:cut]...), verdict(results[cut:]...)); got != want {
				t.Fatalf("grouping matters: %s, %s: %+v", want, got, results)
			}
			if got := verdict(append(slices.Clone(results), results...)...); got != want {
				t.Fatalf("repetition matters: %s, %s: %+v", want, got, results)
			}
			more := append(slices.Clone(results), randomResults(source, 1)...)
			if got := verdict(more...); rank(got) < rank(want) {
				t.Fatalf("a further check improves %s to %s: %+v", want, got, more)
			}
			for _, r := range results {
				if asked := p == 0 || r.Probes&p != 0; asked && r.Critical && r.State == StateUnhealthy && want != StateUnhealthy {
					t.Fatalf("%s in spite of a critical failure: %+v", want, results)
				}
			}
		}
	}
}

func TestWeight(t *testing.T) {
	for _, tc := range []struct {
		state    State
		reason   Reason
		critical bool
		probe    Probe
		want     State
	}{
		{StateHealthy, "", true, Readiness, StateHealthy},
		{StateHealthy, "", false, Readiness, StateHealthy},
		{StateDegraded, ReasonError, true, Readiness, StateDegraded},
		{StateDegraded, ReasonError, false, Liveness, StateDegraded},
		{StateUnhealthy, ReasonHung, true, Liveness, StateUnhealthy},
		{StateUnhealthy, ReasonHung, false, Liveness, StateDegraded},
		{StateUnknown, ReasonPending, true, Liveness, StateHealthy},
		{StateUnknown, ReasonPending, true, Readiness, StateUnknown},
		{StateUnknown, ReasonPending, true, Startup, StateUnknown},
		{StateUnknown, ReasonPending, false, Readiness, StateHealthy},
		{StateUnknown, ReasonStopped, true, Liveness, StateHealthy},
		{StateUnknown, ReasonStopped, true, Readiness, StateUnknown},
		{StateUnknown, ReasonPaused, true, Liveness, StateHealthy},
		{StateUnknown, ReasonPaused, true, Readiness, StateHealthy},
		{StateUnknown, ReasonStale, true, Liveness, StateUnknown},
		{StateUnknown, ReasonStale, false, Readiness, StateDegraded},
	} {
		r := Result{State: tc.state, Reason: tc.reason, Critical: tc.critical}
		if got := r.weight(tc.probe); got != tc.want {
			t.Errorf("%+v: weight %s", tc, got)
		}
	}
}
