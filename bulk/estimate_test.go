package bulk

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func okay(done float64) counts { return counts{ok: int64(done)} }

// run feeds an estimator once a second with the items of one second.
func run(seconds int, perSecond func(s int) float64) (e *estimator, now time.Time, done float64) {
	start := time.Unix(0, 0)
	e = &estimator{}
	e.start(start)
	for s := range seconds {
		done += perSecond(s)
		now = start.Add(time.Duration(s+1) * time.Second)
		e.observe(now, okay(done))
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
			got, want := e.eta(now, okay(done), total).Seconds(), tt.truth(done)
			if f := math.Exp(math.Abs(math.Log(got / want))); !(f <= tt.tolerance) {
				t.Errorf("eta = %.0f s, in truth %.0f s: off by a factor of %.2f, want at most %.2f", got, want, f, tt.tolerance)
			}
		})
	}
}

func TestETAIsUnknown(t *testing.T) {
	steady := func(int) float64 { return 10 }
	e, now, done := run(30, steady)
	c := okay(done)
	fresh := &estimator{}
	fresh.start(now)
	tests := map[string]time.Duration{
		"without a total":             e.eta(now, c, Unknown),
		"with a total that is passed": e.eta(now, c, c.ok-1),
		"in a stall":                  e.eta(now.Add(time.Minute), c, 1000),
		"beyond all reason":           e.eta(now, c, math.MaxInt64),
		"before the first item":       fresh.eta(now.Add(time.Second), counts{}, 1000),
		"at the very start":           fresh.eta(now, counts{}, 1000),
	}
	for name, got := range tests {
		if got != Unknown {
			t.Errorf("%s: eta = %s, want Unknown", name, got)
		}
	}
	if got := e.eta(now, c, c.ok); got != 0 {
		t.Errorf("all done: eta = %s, want 0", got)
	}
}

func TestETACountsDownBetweenSlowItems(t *testing.T) {
	e, now, done := run(301, func(int) float64 { return 0.1 })
	for e.last != now {
		now = now.Add(-time.Second)
	}
	before, after := e.eta(now, okay(done), 100), e.eta(now.Add(4*time.Second), okay(done), 100)
	if d := before - after; d < 3*time.Second || d > 5*time.Second {
		t.Errorf("four seconds later the eta is %s less", d)
	}
}

func TestStallTakesThePaceIntoAccount(t *testing.T) {
	quick, now, done := run(30, func(int) float64 { return 10 })
	slow, slowNow, slowDone := run(301, func(int) float64 { return 0.1 })
	fresh := &estimator{}
	fresh.start(now)
	for _, tt := range []struct {
		name string
		got  bool
		want bool
	}{
		{"ten a second, idle for 9 s", quick.stalled(now.Add(9*time.Second), okay(done)), false},
		{"ten a second, idle for 11 s", quick.stalled(now.Add(11*time.Second), okay(done)), true},
		{"one in ten seconds, idle for 40 s", slow.stalled(slowNow.Add(40*time.Second), okay(slowDone)), false},
		{"one in ten seconds, idle for 60 s", slow.stalled(slowNow.Add(60*time.Second), okay(slowDone)), true},
		{"no item ever, for 59 s", fresh.stalled(now.Add(59*time.Second), counts{}), false},
		{"no item ever, for 61 s", fresh.stalled(now.Add(61*time.Second), counts{}), true},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: stalled = %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

// Runs that go on where the one before was stopped: thousands of items are
// skipped at once, and what is left is committed in batches.
func TestETAOfAResumedRun(t *testing.T) {
	const (
		total = 7711
		batch = 64
	)
	for name, tt := range map[string]struct {
		skipped int
		skips   time.Duration // the time that takes
		pace    float64       // of the rest, a second
	}{
		"a fifth is left":              {6200, 800 * time.Millisecond, 363},
		"most is left":                 {2240, 500 * time.Millisecond, 173},
		"skipping takes a while":       {5000, 10500 * time.Millisecond, 173},
		"a few seconds, and then slow": {7000, 3200 * time.Millisecond, 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, op := Start(t.Context(), "op", Total(total))
				defer op.End(nil)
				for range tt.skipped {
					op.Skip("unchanged")
					<-time.After(tt.skips / time.Duration(tt.skipped))
				}
				if s := op.Snapshot(); s.ETA != Unknown || s.Rate != 0 || strings.Contains(s.String(), "/s") {
					t.Errorf("after nothing but skips: %v", s)
				}
				end := time.Now().Add(time.Duration((total - float64(tt.skipped)) / tt.pace * float64(time.Second)))
				first := time.Now()
				for left := total - tt.skipped; left > 0; left -= batch {
					n := min(batch, left)
					<-time.After(time.Duration(float64(n) / tt.pace * float64(time.Second)))
					op.Add(n)
					synctest.Wait()
					atMost := 1.5
					if time.Since(first) < 4*time.Second {
						atMost = 8 // too little was seen, so it is too long
					}
					checkETA(t, op.Snapshot(), time.Until(end), atMost)
				}
			})
		})
	}
}

// checkETA wants a time left that agrees with the rate beside it, that is never
// far too short, and once some seconds of the pace were seen, not too long.
func checkETA(t *testing.T, s Snapshot, truth time.Duration, atMost float64) {
	t.Helper()
	left := float64(s.Total - s.Items())
	if d := math.Abs(s.ETA.Seconds()*s.Rate - left); d > 1 {
		t.Errorf("%v: %.0f items left at %.0f/s, but %s are said to be left", s, left, s.Rate, s.ETA)
	}
	if s.ETA < truth*3/4-time.Millisecond {
		t.Errorf("%v: %s left, in truth %s", s, s.ETA, truth)
	}
	if s.ETA.Seconds() > atMost*truth.Seconds()+1 {
		t.Errorf("%v: %s left, in truth %s", s, s.ETA, truth)
	}
}

// The end of a run as it was recorded: items come in batches, and some time
// after the last the line is looked at.
func TestETAAgreesWithTheRateBetweenBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total = 7711
		_, op := Start(t.Context(), "op", Total(total))
		defer op.End(nil)
		for op.Snapshot().Items() < 7468 {
			op.Add(190)
			for range 11 {
				wait(100 * time.Millisecond)
				s := op.Snapshot()
				if left := float64(total - s.Items()); left > 0 && math.Abs(s.ETA.Seconds()*s.Rate-left) > 1.001 {
					t.Fatalf("%v: %.0f items left", s, left)
				}
			}
		}
	})
}

func TestRateLeavesSkippedItemsOut(t *testing.T) {
	skipped := []SkipCount{{"unchanged", 7711}}
	s := Snapshot{Name: "op", Elapsed: 111 * time.Millisecond, Total: 7711, Skipped: 7711, Skips: skipped}.close(Completed)
	const want = "op completed after 111ms: 7711 items, 7711 skipped (unchanged 7711)"
	if got := s.String(); got != want || s.Rate != 0 {
		t.Errorf("got  %q at %v/s\nwant %q", got, s.Rate, want)
	}
	s = Snapshot{Name: "op", Elapsed: 2 * time.Second, OK: 8, Failed: 2, Skipped: 90, Skips: skipped}.close(Completed)
	if s.Rate != 5 {
		t.Errorf("rate = %v, want 5", s.Rate)
	}
	s.Result, s.OK, s.Failed, s.Total = "", 0, 0, 1000
	if line := (style{width: 80}).line(s, 0); strings.Contains(line, "/s") {
		t.Errorf("the line has a rate: %q", line)
	}
}

func TestSkippingIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, op := Start(t.Context(), "op", Total(1000))
		defer op.End(nil)
		op.Add(5)
		for range 120 {
			wait(time.Second)
			op.Skip("unchanged")
			if s := op.Snapshot(); s.Stalled {
				t.Fatalf("%v", s)
			}
		}
	})
}

func TestFirstBatchAfterSkippingIsNoPace(t *testing.T) {
	e := &estimator{}
	start := time.Unix(0, 0)
	e.start(start)
	now := start.Add(3 * time.Second)
	e.observe(now, counts{skipped: 5000})
	c := counts{ok: 64, skipped: 5000}
	if got := e.pace(now.Add(time.Millisecond), c); got != 64 {
		t.Errorf("64 items within a millisecond read as %v/s, want 64", got)
	}
}

func TestModelsAreAskedAnewWhenThatCanMatter(t *testing.T) {
	e := &estimator{}
	start := time.Unix(0, 0)
	e.start(start)
	at := func(second int) prediction {
		e.observe(start.Add(time.Duration(second)*time.Second), okay(float64(10*second)))
		return e.model
	}
	e.total = 20_000
	for second := range 1000 {
		at(second + 1)
	}
	asked := e.asked
	if at(1001); e.asked.t < 900 || e.asked != asked {
		t.Errorf("asked at %v and %v, want once in ten seconds by now", asked, e.asked)
	}
	if at(1011); e.asked == asked {
		t.Error("never asked again")
	}
	short := at(1012)
	e.total = 100_000
	if long := at(1013); long.band <= short.band {
		t.Errorf("a band of %v with a fifth of the work, and %v with all of it", short.band, long.band)
	}
}
