package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hardening is a job whose items take longer and longer: 100 s in all.
func hardening(t *testing.T, dir string, times int, look func(second int, s Snapshot)) {
	t.Helper()
	_, op := Start(t.Context(), "../re index", Total(1000), History(dir))
	done := 0.0
	for second := range 100 * times {
		next := 1000 * math.Sqrt(float64(second+1)/float64(100*times))
		op.Add(int(next) - int(done))
		done = next
		look(second, op.Snapshot())
		wait(time.Second)
	}
	op.End(nil)
}

func TestHistoryTellsTheTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir() + "/not/yet"
		for range 2 {
			hardening(t, dir, 1, func(int, Snapshot) {})
		}
		hardening(t, dir, 1, func(second int, s Snapshot) {
			left := float64(100 - second)
			if s.ETA < 0 && second > 0 || left > 10 && s.ETA >= 0 && math.Abs(math.Log(s.ETA.Seconds()/left)) > 0.35 {
				t.Errorf("after %d s: %s left, want %.0f s", second, s.ETA, left)
			}
			if s.Slower {
				t.Errorf("slower than usual after %d s", second)
			}
		})
		flagged := 0
		hardening(t, dir, 3, func(second int, s Snapshot) {
			if s.Slower {
				flagged++
			}
			if s.Slower != strings.Contains(s.String(), "slower than usual") {
				t.Errorf("says %q", s)
			}
		})
		if flagged < 200 {
			t.Errorf("three times as slow was told in %d of 300 seconds", flagged)
		}
	})
}

func TestHistoryIsBoundedAndSurvivesDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for range maxRuns + 5 {
			hardening(t, dir, 1, func(int, Snapshot) {})
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Fatalf("%d files, error %v", len(files), err)
		}
		path := dir + "/" + files[0].Name()
		text, err := os.ReadFile(path)
		if err != nil || len(text) > 16<<10 {
			t.Errorf("%d bytes, error %v", len(text), err)
		}
		var runs []completedRun
		if err := json.Unmarshal(text, &runs); err != nil || len(runs) != maxRuns {
			t.Errorf("%d runs, error %v", len(runs), err)
		}
		for _, damage := range []string{"", "{", "null", `[{"seconds":-1}]`, `[{"seconds":1e308,"work":1,"curve":[2]}]`, string(text[:100])} {
			if err := os.WriteFile(path, []byte(damage), 0o600); err != nil {
				t.Fatal(err)
			}
			hardening(t, dir, 1, func(int, Snapshot) {})
			if runs, err := readRuns(path); err != nil || len(runs) != 1 {
				t.Errorf("after %q: %d runs, error %v", damage, len(runs), err)
			}
		}
	})
}

func TestOnlyCompletedRunsAreKept(t *testing.T) {
	dir := t.TempDir()
	_, op := Start(t.Context(), "op", Total(5), History(dir))
	op.OK()
	err := os.ErrClosed
	op.End(&err)
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("files = %v", files)
	}
}

func TestHistoryThatCannotBeWrittenHarmsNothing(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, op := Start(t.Context(), "op", Total(1), History(file))
	op.OK()
	op.End(nil)
	if op.Snapshot().Result != Completed {
		t.Error("not completed")
	}
}

// A run begins with what the last one of its name ended with, within its own
// bounds.
func TestHistoryStartsTheSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		job := func(workers Option) Report {
			rep, err := Run(t.Context(), "op", numbers(5), func(context.Context, []int) error {
				<-time.After(time.Second)
				return nil
			}, workers, Batch(1), History(dir))
			if err != nil {
				t.Fatal(err)
			}
			return rep
		}
		if n := job(Workers(Auto(1, 64))).Concurrency; n != firstWorkers {
			t.Fatalf("the first run used %d workers, the test needs %d", n, firstWorkers)
		}
		path := pathOf(dir, "op")
		runs, err := readRuns(path)
		if err != nil || len(runs) != 1 || runs[0].Limit != firstWorkers {
			t.Fatalf("%+v, error %v", runs, err)
		}
		runs[0].Limit = 40
		text, err := json.Marshal(runs)
		if err := errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		if n := job(Workers(Auto(1, 64))).Concurrency; n != 40 {
			t.Errorf("%d workers, want the 40 of the last run", n)
		}
		if n := job(Workers(Auto(1, 16))).Concurrency; n != 16 {
			t.Errorf("%d workers, want no more than 16", n)
		}
		if n := job(Workers(3)).Concurrency; n != 3 {
			t.Errorf("%d workers, want the 3 that were given", n)
		}
	})
}
