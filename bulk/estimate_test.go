package bulk

import (
	"math"
	"testing"
	"time"
)

// run feeds an estimator once a second with the items of one second.
func run(seconds int, perSecond func(s int) float64) (e *estimator, now time.Time, done float64) {
	start := time.Unix(0, 0)
	e = &estimator{}
	e.start(start)
	for s := range seconds {
		done += perSecond(s)
		now = start.Add(time.Duration(s+1) * time.Second)
		e.observe(now, int64(done))
	}
	return e, now, done
}

func TestETA(t *testing.T) {
	const total = 10_000
	tests := map[string]struct {
		seconds   int
		perSecond func(s int) float64
		truth     func(done float64) float64 // seconds left
		tolerance float64                    // as a factor
	}{
		"steady": {
			30, func(int) float64 { return 10 },
			func(done float64) float64 { return (total - done) / 10 }, 1.01,
		},
		"one item in ten seconds": {
			300, func(int) float64 { return 0.1 },
			func(done float64) float64 { return (total - done) / 0.1 }, 1.05,
		},
		"a tenth as fast since a while": {
			200,
			func(s int) float64 {
				if s < 100 {
					return 20
				}
				return 2
			},
			func(done float64) float64 { return (total - done) / 2 }, 1.5,
		},
		"noise": {
			120, func(s int) float64 { return []float64{0, 40, 5, 3, 2}[s%5] },
			func(done float64) float64 { return (total - done) / 10 }, 1.3,
		},
		"a slow start": {
			100, func(s int) float64 { return min(float64(s), 30) },
			func(done float64) float64 { return (total - done) / 30 }, 1.2,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, now, done := run(tt.seconds, tt.perSecond)
			got, want := e.eta(now, int64(done), total).Seconds(), tt.truth(done)
			if f := math.Exp(math.Abs(math.Log(got / want))); !(f <= tt.tolerance) {
				t.Errorf("eta = %.0f s, in truth %.0f s: off by a factor of %.2f, want at most %.2f", got, want, f, tt.tolerance)
			}
		})
	}
}

func TestETAIsUnknown(t *testing.T) {
	steady := func(int) float64 { return 10 }
	e, now, done := run(30, steady)
	n := int64(done)
	tests := map[string]time.Duration{
		"without a total":             e.eta(now, n, Unknown),
		"with a total that is passed": e.eta(now, n, n-1),
		"in a stall":                  e.eta(now.Add(time.Minute), n, 1000),
		"beyond all reason":           e.eta(now, n, math.MaxInt64),
		"before the first item":       (&estimator{begun: now, last: now}).eta(now.Add(time.Second), 0, 1000),
		"at the very start":           (&estimator{begun: now, last: now}).eta(now, 0, 1000),
	}
	for name, got := range tests {
		if got != Unknown {
			t.Errorf("%s: eta = %s, want Unknown", name, got)
		}
	}
	if got := e.eta(now, n, n); got != 0 {
		t.Errorf("all done: eta = %s, want 0", got)
	}
}

func TestETACountsDownBetweenSlowItems(t *testing.T) {
	e, now, done := run(301, func(int) float64 { return 0.1 })
	for e.last != now {
		now = now.Add(-time.Second)
	}
	before, after := e.eta(now, int64(done), 100), e.eta(now.Add(4*time.Second), int64(done), 100)
	if d := before - after; d < 3*time.Second || d > 5*time.Second {
		t.Errorf("four seconds later the eta is %s less", d)
	}
}

func TestStallTakesThePaceIntoAccount(t *testing.T) {
	quick, now, done := run(30, func(int) float64 { return 10 })
	slow, slowNow, slowDone := run(301, func(int) float64 { return 0.1 })
	for _, tt := range []struct {
		name string
		got  bool
		want bool
	}{
		{"ten a second, idle for 9 s", quick.stalled(now.Add(9*time.Second), int64(done)), false},
		{"ten a second, idle for 11 s", quick.stalled(now.Add(11*time.Second), int64(done)), true},
		{"one in ten seconds, idle for 40 s", slow.stalled(slowNow.Add(40*time.Second), int64(slowDone)), false},
		{"one in ten seconds, idle for 60 s", slow.stalled(slowNow.Add(60*time.Second), int64(slowDone)), true},
		{"no item ever, for 59 s", (&estimator{begun: now, last: now}).stalled(now.Add(59*time.Second), 0), false},
		{"no item ever, for 61 s", (&estimator{begun: now, last: now}).stalled(now.Add(61*time.Second), 0), true},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: stalled = %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}
