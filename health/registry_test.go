package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestResultExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		r := begin(t, o, Check{Name: "c", Critical: true, Interval: 10 * time.Second, Timeout: time.Second, Func: pass})
		advance(time.Second)
		expect(t, r, "c", StateHealthy, "")

		// A scheduler that has lost the check.
		postpone(r, time.Now().Add(27*time.Second))
		advance(26*time.Second - time.Millisecond - 500*time.Millisecond)
		expect(t, r, "c", StateHealthy, "")
		advance(time.Millisecond)
		stale := expect(t, r, "c", StateUnknown, ReasonStale)
		if !strings.HasPrefix(stale.Message, "no newer result since 2000-01-01T00:00:00Z, when it was healthy") {
			t.Errorf("message %q", stale.Message)
		}
		report := r.Report()
		for _, p := range []Probe{Readiness, Startup} {
			if v := report.Verdict(p); v != StateUnknown {
				t.Errorf("verdict %s with a stale critical check", v)
			}
		}

		advance(2 * time.Second)
		expect(t, r, "c", StateHealthy, "")
		var told []string
		for _, e := range got.events.all() {
			a := attributesOf(e)
			told = append(told, a["health.check.previous_state"]+">"+a["health.check.state"])
		}
		if at := got.events.all()[1].Timestamp(); !at.Equal(stale.Timestamp) {
			t.Errorf("became stale at %v, told as %v", stale.Timestamp, at)
		}
		if want := "unknown>healthy healthy>unknown unknown>healthy"; strings.Join(told, " ") != want {
			t.Errorf("events %v, want %s", told, want)
		}
	})
}

func postpone(r *Registry, due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agenda[0].due = due
}

// Killing the scheduler outright must not leave healthy behind either.
func TestResultExpiresWithoutScheduler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := New(Options{})
		must(t, r.Register(Check{Name: "c", Func: pass}))
		e := (*r.entries.Load())[0]
		e.update(&run{entry: e, span: noSpan(ctx)}, finding{state: StateHealthy}, time.Now())
		expect(t, r, "c", StateHealthy, "")
		advance(time.Hour) // never started
		expect(t, r, "c", StateUnknown, ReasonStale)
		must(t, r.Shutdown(ctx))
	})
}

func TestBeforeTheFirstResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		verdicts := func(want string) {
			t.Helper()
			report := r.Report()
			got := fmt.Sprint(report.State, report.Verdict(Liveness), report.Verdict(Readiness), report.Verdict(Startup))
			if got != want {
				t.Errorf("service, liveness, readiness, startup: %s, want %s", got, want)
			}
		}
		verdicts("healthy healthy healthy healthy") // nothing is asked
		must(t, r.Register(Check{Name: "optional", Func: fail}))
		verdicts("healthy healthy healthy healthy")
		must(t, r.Register(Check{Name: "needed", Func: pass, Critical: true, Scope: Internal, Probes: Liveness | Readiness | Startup}))
		verdicts("unknown healthy unknown unknown")
		must(t, r.Start(t.Context()))
		verdicts("unknown healthy unknown unknown")
		advance(2 * time.Second)
		verdicts("degraded healthy degraded degraded")
		must(t, r.Shutdown(t.Context()))
		verdicts("unknown healthy unhealthy unknown")
	})
}

func TestLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := func(err error, what string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("error %v, want one about %q", err, what)
			}
		}
		unstarted := New(Options{})
		must(t, unstarted.Shutdown(t.Context()))
		must(t, unstarted.Shutdown(t.Context()))
		fails(unstarted.Start(t.Context()), "shut down")
		fails(unstarted.Register(Check{Name: "c", Func: pass}), "shut down")

		r := New(Options{})
		must(t, r.Start(t.Context()))
		advance(time.Minute) // with nothing to do
		fails(r.Start(t.Context()), "started already")
		must(t, r.Register(Check{Name: "c", Func: pass, Interval: time.Second}))
		fails(r.Register(Check{Name: "c", Func: pass}), "taken")
		advance(time.Second)
		expect(t, r, "c", StateHealthy, "")
		if !r.Unregister("c") || r.Unregister("c") || r.Unregister("other") {
			t.Error("Unregister must report whether there was a check")
		}
		must(t, r.Register(Check{Name: "c", Func: fail}))
		expect(t, r, "c", StateUnknown, ReasonPending)
		must(t, r.Shutdown(t.Context()))
		must(t, r.Shutdown(t.Context()))
		fails(r.Start(t.Context()), "shut down")
		if !r.Unregister("c") {
			t.Error("Unregister after Shutdown")
		}

		faulty := New(Options{Concurrency: -1})
		must(t, faulty.Register(Check{Name: "c", Func: pass}))
		fails(faulty.Start(t.Context()), "Concurrency -1")
		must(t, faulty.Shutdown(t.Context()))
	})
}

// Whoever ignores the errors of Register must not run without the check.
func TestStartTellsWhatRegisterRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := New(Options{Concurrency: -1})
		must(t, r.Register(Check{Name: "sound", Func: func(context.Context) error { calls.Add(1); return nil }}))
		faults := []error{
			r.Register(Check{Name: "empty"}),
			r.Register(Check{Name: "sound", Func: pass}),
			r.Register(Check{Name: "hasty", Func: pass, Interval: 1}),
		}
		for range 2 {
			err := r.Start(t.Context())
			if err == nil || strings.Count(err.Error(), "\n") != len(faults) || !strings.Contains(err.Error(), "Concurrency -1") {
				t.Errorf("want 4 faults, got %v", err)
			}
			for _, fault := range faults {
				if !errors.Is(err, fault) {
					t.Errorf("%v does not tell %v", err, fault)
				}
			}
		}
		advance(time.Minute)
		if calls.Load() != 0 {
			t.Error("checks run although Start failed")
		}
		must(t, r.Shutdown(t.Context()))

		late := begin(t, Options{})
		if late.Register(Check{}) == nil {
			t.Error("a fault after Start")
		}
		if err := late.Start(t.Context()); err == nil || err.Error() != "health: started already" {
			t.Errorf("a fault after Start is none of Start: %v", err)
		}
	})
}

func TestShutdownWaitsAsLongAsItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := New(Options{})
		must(t, r.Register(Check{Name: "stubborn", Func: func(context.Context) error { <-release; return nil }}))
		must(t, r.Register(Check{Name: "obedient", Func: func(ctx context.Context) error { <-ctx.Done(); return nil }}))
		must(t, r.Start(t.Context()))
		advance(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := r.Shutdown(ctx)
		if want := "health: shutdown: still running: stubborn: context deadline exceeded"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error("the cause is not wrapped")
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v, want 3 s", took)
		}
		close(release)
		must(t, r.Shutdown(t.Context()))
	})
}

func TestEndOfStartContextStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		o, got := recording(t)
		var seen, calls atomic.Int32
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, int32(7)))
		r := New(o)
		must(t, r.Register(Check{Name: "obedient", Func: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, Timeout: time.Minute}))
		must(t, r.Register(Check{Name: "c", Interval: time.Second, Func: func(ctx context.Context) error {
			calls.Add(1)
			seen.Store(ctx.Value(key{}).(int32))
			return nil
		}}))
		must(t, r.Start(ctx))
		advance(10 * time.Second)
		cancel()
		synctest.Wait()
		expect(t, r, "c", StateUnknown, ReasonStopped)
		expect(t, r, "obedient", StateUnknown, ReasonStopped)
		if n := len(got.events.all()); n != 1 {
			t.Errorf("%d events, want only that of the first result of c", n)
		}
		n := calls.Load()
		advance(time.Minute)
		if calls.Load() != n {
			t.Error("checks go on after the end of their context")
		}
		if seen.Load() != 7 {
			t.Error("the values of the context do not reach the check")
		}
		must(t, r.Shutdown(t.Context()))
	})
}

// Replicas that start together must not ask their database together.
func TestScheduleIsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, replicas = 20 * time.Second, 100
		source := rand.New(rand.NewPCG(1, 2))
		start := time.Now()
		var mu sync.Mutex
		var quarters [4]int
		var latestFirst time.Duration
		for range replicas {
			r := New(Options{})
			r.random = func() float64 { mu.Lock(); defer mu.Unlock(); return source.Float64() }
			var calls int
			var last time.Time
			must(t, r.Register(Check{Name: "c", Interval: interval, Func: func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				now := time.Now()
				switch calls++; {
				case calls == 1:
					latestFirst = max(latestFirst, now.Sub(start))
				case calls == 2:
					quarters[now.Sub(start)%interval*4/interval]++
				case now.Sub(last) < interval*9/10 || now.Sub(last) > interval*11/10:
					t.Errorf("%v between two executions, want %v give or take a tenth", now.Sub(last), interval)
				}
				last = now
				return nil
			}}))
			must(t, r.Start(t.Context()))
			defer func() { must(t, r.Shutdown(t.Context())) }()
		}
		advance(5 * time.Minute)
		if latestFirst > time.Second || latestFirst < time.Second/2 {
			t.Errorf("the last of %d first executions came after %v, want them within 1 s, and not all at once", replicas, latestFirst)
		}
		for i, n := range quarters {
			if n < 10 {
				t.Errorf("%d of %d replicas fall into quarter %d of the interval: %v", n, replicas, i+1, quarters)
			}
		}
	})
}

// Adding and removing checks, also from inside one, while everything is read.
func TestRegistryConcurrentSafe(t *testing.T) {
	o, got := recording(t)
	r := New(o)
	must(t, r.Start(t.Context()))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			name := fmt.Sprint("c", i)
			for range 100 {
				if err := r.Register(Check{Name: name, Interval: MinInterval, Func: func(context.Context) error {
					r.Unregister(name + "x")
					_ = r.Register(Check{Name: name + "x", Func: fail, Interval: MinInterval})
					return nil
				}}); err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					for r.Report().Results[0].State == StateUnknown && i == 0 {
						got.collect(t)
					}
				}
				if !r.Unregister(name) {
					t.Error("lost", name)
				}
			}
		})
	}
	wg.Wait()
	must(t, r.Shutdown(t.Context()))
}
