package bulk

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A wall clock that is set does not matter as long as no time loses its monotonic
// reading, which these calls take away or never had. What is listed is only
// shown, or told apart from others.
func TestNoTimeIsMeasuredByTheWallClock(t *testing.T) {
	allowed := map[string]int{
		"history.go": 1, // when a run ended
		"join.go":    1, // the epoch of a share
	}
	taken := regexp.MustCompile(`time\.Now\(\)\.(Round|Truncate)|\.(UTC|Local|In|AddDate|Unix|UnixNano|UnixMilli|UnixMicro)\(|time\.(Unix|UnixMilli|UnixMicro|Date|Parse)\(`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := taken.FindAllString(string(code), -1); len(got) != allowed[file] {
			t.Errorf("%s uses %q, want %d of that kind", file, got, allowed[file])
		}
	}
}

// A clock that jumps is what the pieces would see if a time did lose it.
func TestAClockThatJumps(t *testing.T) {
	for name, jump := range map[string]time.Duration{"back": -5 * time.Hour, "ahead": 5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			e, now, done := run(120, func(int) float64 { return 10 })
			e.total = 100_000
			for second := range 300 {
				now = now.Add(time.Second)
				if second == 10 {
					now = now.Add(jump)
				}
				done += 10
				c := okay(done)
				e.observe(now, c)
				eta := e.eta(now, c, e.total)
				low, high := e.between(eta)
				if pace := e.pace(now, c); !(pace >= 0 && pace < 1000) || eta < Unknown || low > eta || high < eta || e.idle(now, c) < 0 {
					t.Fatalf("second %d: pace %v, eta %s from %s to %s, idle %s", second, pace, eta, low, high, e.idle(now, c))
				}
			}
			p := pacer{rate: 10, next: now}
			if p.take(now.Add(jump), 1); jump > 0 && p.wait(now.Add(jump)) > time.Second {
				t.Errorf("waits for %s after the jump", p.wait(now.Add(jump)))
			}
		})
	}
}

func TestHistoryOfAClockThatWasWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "op.json")
	r := completedRun{Seconds: 100, Work: 1000, Curve: make([]float64, curveSteps)}
	for _, ended := range []time.Time{time.Now().AddDate(50, 0, 0), {}, time.Now().AddDate(-50, 0, 0)} {
		if r.Ended = ended; addRun(path, r) != nil {
			t.Fatal("not added")
		}
	}
	runs, err := readRuns(path)
	if err != nil || len(runs) != 3 {
		t.Errorf("%d runs, error %v; want all three", len(runs), err)
	}
}

// A worker that was started again with an earlier clock is told from the first.
func TestSharesOfAClockThatWasSetBack(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	for _, epoch := range []int64{time.Now().UnixNano(), 0, -1} {
		if err := op.Merge(Share{Operation: op.id, Worker: "a", Epoch: epoch, OK: 5}); err != nil {
			t.Error(err)
		}
	}
	if got := op.Snapshot().OK; got != 15 {
		t.Errorf("%d items, want 15", got)
	}
}

func TestRunWithOddTotals(t *testing.T) {
	for _, total := range []Total{-7, 0, 3, 10, 1 << 62} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe()
			rep, err := Run(t.Context(), "op", numbers(10), One(func(ctx context.Context, v int) error {
				time.Sleep(time.Second) //nolint:forbidigo // virtual time
				if s := From(ctx).Snapshot(); s.ETA < Unknown || s.Progress() > 1 || total <= 0 && s.ETA != Unknown {
					t.Errorf("total %d, item %d: %v", total, v, s)
				}
				for series, v := range p.collect(t) {
					if v < 0 {
						t.Errorf("total %d: %s = %v", total, series, v)
					}
				}
				return nil
			}), Workers(1), total, p.Providers)
			if err != nil || rep.OK != 10 || rep.Done != 10 || rep.Result != Completed {
				t.Errorf("total %d: %v, error %v", total, rep, err)
			}
		})
	}
}

func TestRunOfAnItemSlowerThanAllBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rep, err := Run(t.Context(), "op", numbers(31), One(func(ctx context.Context, v int) error {
			if v < 30 {
				time.Sleep(time.Second) //nolint:forbidigo // virtual time
				return nil
			}
			time.Sleep(time.Hour) //nolint:forbidigo // virtual time
			if s := From(ctx).Snapshot(); !s.Stalled || s.ETA != Unknown {
				t.Errorf("in the slow item: %v", s)
			}
			return nil
		}), Workers(1), Total(31))
		if err != nil || rep.OK != 31 || rep.Stalled {
			t.Errorf("%v, error %v", rep, err)
		}
	})
}

// An error that is a nil pointer is a common mistake, and its methods may panic.
func TestErrorsThatPanicHarmNothing(t *testing.T) {
	var none *fs.PathError
	rep, err := Run(t.Context(), "op", numbers(4), One(func(_ context.Context, v int) error {
		if v == 2 {
			return none
		}
		return nil
	}), Retry(1), ErrorBudget(1))
	if err != nil || rep.OK != 3 || rep.Failed != 1 {
		t.Errorf("%v, error %v; want 3 ok and 1 failed", rep, err)
	}
	rep, err = Run(t.Context(), "op", numbers(4), func(context.Context, []int) error { return none })
	if err == nil || rep.OK != 0 || rep.Result != Failed {
		t.Errorf("%v, error %v; want it failed", rep, err)
	}
	_, op := Start(t.Context(), "op")
	err = none
	if op.End(&err); op.Snapshot().Result != Failed {
		t.Errorf("result = %s, want failed", op.Snapshot().Result)
	}
}
