package health

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Any number of callers share one execution, and one that leaves changes nothing
// for the others.
func TestRunIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := begin(t, Options{}, Check{Name: "c", Interval: time.Hour, Func: func(ctx context.Context) error {
			calls.Add(1)
			advanceInCheck(2 * time.Second)
			return ctx.Err()
		}})
		advance(time.Minute)
		calls.Store(0)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if i%2 == 0 {
					ctx = t.Context()
				}
				report, err := r.Run(ctx, "c")
				if i%2 == 0 && (err != nil || time.Since(report.Results[0].Timestamp) != 0) {
					t.Errorf("error %v, result of %v", err, report.Results[0].Timestamp)
				}
				if want := "health: run: not done: c: context deadline exceeded"; i%2 == 1 && (err == nil || err.Error() != want || !errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("error %v, want %s", err, want)
				}
			})
		}
		wg.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("%d executions for 50 callers", n)
		}
		expect(t, r, "c", StateHealthy, "")
	})
}

// Traffic spares the executions of the schedule, not one that was asked for.
func TestRunIsNotSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := begin(t, Options{}, Check{Name: "c", Func: func(context.Context) error { calls.Add(1); return nil }})
		advance(2 * time.Second)
		r.Observe("c", nil)
		if _, err := r.Run(t.Context(), "c"); err != nil || calls.Load() != 2 {
			t.Errorf("%d executions, want 2 (%v)", calls.Load(), err)
		}
	})
}

func TestRunFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		must(t, r.Register(Check{Name: "c", Func: pass}))
		if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not running") {
			t.Errorf("before Start: %v", err)
		}
		must(t, r.Start(t.Context()))
		report, err := r.Run(t.Context(), "c", "x", "y")
		if err == nil || strings.Count(err.Error(), "there is no check") != 2 || report.Results[0].State != StateHealthy {
			t.Errorf("unknown names: %v, %+v", err, report.Results)
		}
		must(t, r.Shutdown(t.Context()))
		if _, err := r.Run(t.Context()); err == nil {
			t.Error("after Shutdown")
		}
	})
}

// Run waits for nothing that won't come: a hung or paused check, one that is
// removed or stopped meanwhile.
func TestRunDoesNotWaitForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		r := begin(t, Options{},
			Check{Name: "hung", Timeout: time.Second, Func: func(context.Context) error { <-release; return nil }},
			Check{Name: "paused", Func: pass},
			Check{Name: "removed", Timeout: time.Hour, Interval: time.Hour, Func: wait},
			Check{Name: "stopped", Timeout: time.Hour, Interval: time.Hour, Func: wait})
		advance(5 * time.Second)
		r.Pause("paused")
		start := time.Now()
		for _, name := range []string{"hung", "paused"} {
			if _, err := r.Run(t.Context(), name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %v", took)
		}
		var wg sync.WaitGroup
		for _, name := range []string{"removed", "stopped"} {
			wg.Go(func() {
				if _, err := r.Run(t.Context(), name); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		synctest.Wait()
		r.Unregister("removed")
		close(release)
		must(t, r.Shutdown(t.Context()))
		wg.Wait()
	})
}

// A caller who comes after the verdict of an execution but before its end gets
// an execution of its own.
func TestRunAfterTheVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := recording(t)
		release := make(chan struct{})
		logs := &gatedLogs{gate: release}
		o.LoggerProvider = logs.provider()
		var calls atomic.Int32
		r := begin(t, o, Check{Name: "c", Interval: time.Hour, Func: func(context.Context) error { calls.Add(1); return nil }})
		advance(2 * time.Second) // the event of the first result is held up
		done := make(chan struct{})
		go func() {
			defer close(done)
			if _, err := r.Run(t.Context(), "c"); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		start := time.Now()
		close(release)
		<-done
		if took := time.Since(start); took != 0 {
			t.Errorf("the second execution came after %v", took)
		}
		if n := calls.Load(); n != 2 {
			t.Errorf("%d executions, want a second one", n)
		}
	})
}
