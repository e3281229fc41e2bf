package health

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
)

// Watch: the report at once, then with every change, also one that is nobody's
// act; the last one after Shutdown.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		r.random = func() float64 { return 0.5 }
		must(t, r.Register(Check{Name: "c", Interval: 10 * time.Second, Timeout: time.Second, Func: script("hu")}))
		start := time.Now()
		var seen []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for report := range r.Watch(t.Context()) {
				seen = append(seen, fmt.Sprint(report.Time.Sub(start), " ", report.Results[0].State, " ", report.Results[0].Reason, report.Results[0].Maintenance, report.Draining))
			}
		}()
		synctest.Wait()
		must(t, r.Start(t.Context()))
		advance(15 * time.Second) // healthy at 0.5 s, unhealthy at 10.5 s
		postpone(r, time.Now().Add(time.Hour))
		advance(time.Minute) // stale at 36.5 s: nothing runs that could say so
		r.Drain()
		synctest.Wait()
		r.Maintain(time.Now().Add(time.Second), "m")
		synctest.Wait()
		advance(time.Second)
		must(t, r.Shutdown(t.Context()))
		<-ended
		want := []string{
			"0s unknown pendingfalse",
			"500ms healthy false",
			"10.5s unhealthy errorfalse",
			"36.5s unknown stalefalse",
			"1m15s unknown staletrue",
			"1m15s unknown stalemtrue",
			"1m16s unknown staletrue",
			"1m16s unknown stoppedtrue",
		}
		if strings.Join(seen, "\n") != strings.Join(want, "\n") {
			t.Errorf("seen\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
		}
		for range r.Watch(t.Context()) {
			seen = nil
		}
		if seen != nil {
			t.Error("after Shutdown there is no report")
		}
	})
}

func TestTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "b", Interval: time.Second, Func: script("huh")})
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		go func() {
			for tr := range r.Transitions(ctx) {
				told = append(told, fmt.Sprintf("%s %s>%s", tr.To.Name, tr.From.State, tr.To.State))
				advanceInCheck(100 * time.Millisecond) // changes meanwhile are not lost
			}
		}()
		advance(5 * time.Second)
		must(t, r.Register(Check{Name: "a", Func: fail}))
		advance(5 * time.Second)
		must(t, r.Register(Check{Name: "c", Func: fail}))
		advance(5 * time.Second)
		r.Unregister("a")
		advance(time.Second)
		cancel()
		synctest.Wait()
		want := "b unknown>healthy, b healthy>unhealthy, b unhealthy>healthy, a unknown>unhealthy, c unknown>unhealthy"
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("told %s\nwant %s", got, want)
		}
	})
}

// A listener may block, panic, and do with the registry what it likes.
func TestListenersDoNoHarm(t *testing.T) {
	var panics atomic.Int32
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if strings.Contains(err.Error(), "a listener: panic") {
			panics.Add(1)
		}
	}))
	defer otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		r.random = func() float64 { return 0.5 }
		must(t, r.Register(Check{Name: "c", Interval: time.Second, Func: script("huh")}))
		release := make(chan struct{})
		r.Listen(func(Transition) { <-release })
		r.Listen(func(Transition) { panic("listener") })
		var stop func()
		calls := 0
		stop = r.Listen(func(Transition) { calls++; stop() })
		acted := make(chan struct{})
		var acting bool
		r.Listen(func(tr Transition) {
			if acting {
				return
			}
			acting = true
			defer close(acted)
			r.Report()
			r.Pause("c")
			r.Resume("c")
			must(t, r.Register(Check{Name: "d", Func: pass, DependsOn: []string{"c"}}))
			if _, err := r.Run(t.Context(), "d"); err != nil {
				t.Error(err)
			}
			r.Unregister("d")
		})
		must(t, r.Start(t.Context()))
		<-acted
		advance(20 * time.Second)
		expect(t, r, "c", StateHealthy, "")
		if calls != 1 {
			t.Errorf("%d calls of a listener that stopped itself at the first", calls)
		}
		if panics.Load() < 2 {
			t.Errorf("%d panics were told", panics.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); err == nil {
			t.Error("Shutdown does not wait for the listener that blocks")
		}
		close(release)
		must(t, r.Shutdown(t.Context()))
		r.Listen(func(Transition) { t.Error("a call after Shutdown") })()
	})
}

func TestListenerMayShutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		must(t, r.Register(Check{Name: "c", Func: fail}))
		done := make(chan error, 1)
		r.Listen(func(tr Transition) {
			if tr.To.State == StateUnhealthy {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				done <- r.Shutdown(ctx) // waits for itself, and so until ctx ends
			}
		})
		must(t, r.Start(t.Context()))
		if err := <-done; err == nil {
			t.Error("a listener that shuts down waits for itself")
		}
		must(t, r.Shutdown(t.Context()))
	})
}

// A result that is renewed in time is no news, nor is that it was.
func TestWatchIsQuietWhileNothingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "a", Func: pass}, Check{Name: "b", Func: fail, Interval: time.Minute})
		advance(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		reports := 0
		for range r.Watch(ctx) {
			reports++
		}
		if reports != 1 {
			t.Errorf("%d reports in an hour without a change", reports)
		}
	})
}
