package faults

import (
	"os"
	"strings"
	"testing"
)

// A cell of the table is the test binary, started anew.
func TestMain(m *testing.M) {
	if Child(os.Stdout, os.Args[1:]) {
		return
	}
	m.Run()
}

// Rivals are told and not judged: what they get wrong today may be mended.
func TestOursStandsEveryFault(t *testing.T) {
	for _, s := range scenarios() {
		if s.timed {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			all := libraries()
			outcomes, err := s.outcomes(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.verdict(outcomes[0]); got != "ok" {
				t.Errorf("%s: %s, want %s", got, outcomes[0].Facts, s.bound)
			}
			for i, o := range outcomes {
				t.Logf("%s: %s", all[i].title, o.Facts)
			}
		})
	}
}

func TestAProcessThatDiesOrSaysNothingIsNoPass(t *testing.T) {
	dies := scenario{name: "not one of the table"} // so the child says nothing
	if o, err := inChild(t.Context(), dies, otelmonHealth()); err == nil {
		t.Errorf("outcome %+v of a silent child, want an error", o)
	}
	panics := libraries()[3]
	for _, s := range lives() {
		if s.name != "a check panics" {
			continue
		}
		o, err := inChild(t.Context(), s, panics)
		if err != nil || o.OK || !strings.Contains(o.Facts, "exit status 2") {
			t.Errorf("outcome %+v, %v of a child that panicked", o, err)
		}
	}
}

func TestADuelIsJudgedByTheBestAndTheUsualRound(t *testing.T) {
	for name, test := range map[string]struct {
		with, without []float64
		ok            bool
	}{
		"alike":                    {[]float64{10, 11, 12, 13}, []float64{10, 11, 12, 13}, true},
		"the best of one is lucky": {[]float64{10, 10, 10, 10}, []float64{5, 10, 10, 10}, true},
		"the usual is unlucky":     {[]float64{10, 20, 20, 20}, []float64{10, 10, 10, 10}, true},
		"both are beyond":          {[]float64{13, 13, 13, 13}, []float64{10, 10, 10, 10}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := duel{with: test.with, without: test.without}
			if o := d.outcome(); o.OK != test.ok {
				t.Errorf("%+v, want OK %t", o, test.ok)
			}
		})
	}
}
