package health

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
)

// abyss panics with itself when asked what it is, which fmt does not contain.
type abyss struct{}

func (abyss) Error() string { panic(abyss{}) }

// exit ends the goroutine that asks what it is.
type exit struct{}

func (exit) Error() string {
	runtime.Goexit()
	return ""
}

func TestWhatIsPanickedWithMayMisbehave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throw := func(v any) func(context.Context) error {
			return func(context.Context) error { panic(v) }
		}
		give := func(err error) func(context.Context) error {
			return func(context.Context) error { return err }
		}
		checks := map[string]func(context.Context) error{
			"panics-abyss": throw(abyss{}), "panics-exit": throw(exit{}), "returns-abyss": give(abyss{}), "returns-exit": give(exit{}),
		}
		r := begin(t, Options{Concurrency: 1})
		for name, f := range checks {
			must(t, r.Register(Check{Name: name, Func: f, Interval: time.Second, Timeout: 100 * time.Millisecond}))
		}
		r.Listen(func(Transition) { panic(abyss{}) })
		must(t, r.Register(Check{Name: "seen", Func: pass}))
		r.Observe("seen", abyss{})
		advance(time.Minute)
		for name := range checks {
			result := expect(t, r, name, StateUnhealthy, ReasonPanic)
			if time.Since(result.LastCompletion) > 3*time.Second {
				t.Errorf("%s is no longer executed", name)
			}
		}
		if got := resultOf(t, r, "panics-abyss").Message; !strings.Contains(got, "health.abyss") {
			t.Errorf("the message is %q", got)
		}
	})
}

// A function that Pause could not end still counts once the check is resumed.
func TestResumeFindsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := begin(t, Options{}, Check{Name: "c", Scope: Internal, Probes: Liveness, Critical: true, Interval: time.Hour, Func: func(context.Context) error {
			<-release
			return nil
		}})
		advance(2 * time.Second)
		r.Pause("c")
		advance(time.Second)
		r.Resume("c")
		advance(DefaultTimeout)
		expect(t, r, "c", StateUnhealthy, ReasonHung)
		close(release)
		synctest.Wait()
		expect(t, r, "c", StateHealthy, "")
	})
}

// What was going on when a check was paused holds up the first result after it
// for no longer than it takes.
func TestResumeIsFollowedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Interval: time.Hour, Timeout: time.Minute, Func: func(context.Context) error {
			<-time.After(10 * time.Second)
			return nil
		}})
		advance(2 * time.Second)
		r.Pause("c")
		r.Resume("c")
		advance(25 * time.Second)
		expect(t, r, "c", StateHealthy, "")
	})
}

// Traffic that never pauses must not stand for an execution that somebody asked for.
func TestRunDespiteTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "db", Func: pass})
		advance(2 * time.Second)
		awaited, err := r.request([]string{"db"})
		must(t, err)
		r.Observe("db", nil)
		advance(time.Second)
		select {
		case <-awaited[0].told:
		default:
			t.Error("traffic took the place of the execution")
		}
	})
}

// The wall clock may be set back after a success was seen.
func TestTrafficOfTheFutureProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		r := begin(t, Options{}, Check{Name: "db", Func: func(context.Context) error {
			if broken.Load() {
				return errDown
			}
			return nil
		}})
		advance(2 * time.Second)
		lookUp(*r.entries.Load(), "db").traffic.success.Store(time.Now().Add(time.Hour).UnixNano())
		broken.Store(true)
		advance(time.Minute)
		expect(t, r, "db", StateUnhealthy, ReasonError)
	})
}

// Whoever reads while a result is replaced may find that the last one has just
// expired, and its replacement, by an older reading of the clock, that it has not.
func TestRenewalOutdatesASummaryThatSawExpiry(t *testing.T) {
	for _, how := range []string{"execution", "traffic"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(Options{})
				t.Cleanup(func() { must(t, r.Shutdown(context.Background())) })
				must(t, r.Register(Check{Name: "c", Critical: true, Func: pass}))
				e := lookUp(*r.entries.Load(), "c")
				e.replace(&record{Result: e.latest.Load().Result}, finding{state: StateHealthy}, time.Now())
				r.mu.Lock()
				r.changed()
				r.plan(e, time.Now())
				r.mu.Unlock()
				advance(e.check.TTL)
				if got := r.summary(time.Now()).probes[probeIndex(Readiness)]; got != StateUnknown {
					t.Fatalf("readiness is %s after the result has expired", got)
				}
				justBefore := time.Now().Add(-1)
				if how == "traffic" {
					r.Observe("c", nil)
					r.startDue(t.Context(), justBefore)
				} else {
					r.mu.Lock()
					last := e.latest.Load()
					steps := e.replace(&record{Result: last.Result}, finding{state: StateHealthy}, justBefore)
					r.replaced(e, last, steps, justBefore)
					r.mu.Unlock()
				}
				if got := r.summary(time.Now()).probes[probeIndex(Readiness)]; got != StateHealthy {
					t.Errorf("readiness stays %s", got)
				}
			})
		})
	}
}

// Whoever has called Drain finds readiness failing, also if somebody else was
// first: it must not look done before readers are told.
func TestDrainIsDoneWhenItLooksDone(t *testing.T) {
	r := New(Options{})
	r.mu.Lock()
	var draining sync.WaitGroup
	draining.Go(r.Drain)
	for range 1000 {
		runtime.Gosched()
	}
	if r.draining.Load() {
		t.Error("a second call would return while readers still see the old summary")
	}
	r.mu.Unlock()
	draining.Wait()
	must(t, r.Shutdown(context.Background()))
}

// The short answer to everybody says as much about maintenance as the long one.
func TestShortAnswerKnowsMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "db", Critical: true, Func: fail})
		advance(2 * time.Second)
		ask := func(accept string) string {
			w, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/readyz", nil)
			req.Header.Set("Accept", accept)
			r.Handler().ServeHTTP(w, req)
			return w.Body.String()
		}
		expectAll := func(within bool) {
			t.Helper()
			if got := ask(""); strings.Contains(got, "db unhealthy: error (in maintenance)") != within {
				t.Errorf("within the window %v: %s", within, got)
			}
			if got := ask(typeJSON); strings.Contains(got, `"muted":true`) != within {
				t.Errorf("within the window %v: %s", within, got)
			}
		}
		expectAll(false)
		end := r.Maintain(time.Now().Add(time.Hour), "upgrade", "db")
		expectAll(true)
		end()
		expectAll(false)
		r.Maintain(time.Now().Add(time.Second), "upgrade")
		expectAll(true)
		advance(time.Second)
		expectAll(false)
	})
}

func TestPanicOfTheErrorHandlerIsContained(t *testing.T) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { panic("nobody wants to know") }))
	defer otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Interval: time.Second, Timeout: time.Second, Func: pass})
		var told atomic.Int32
		r.Listen(func(Transition) {
			told.Add(1)
			panic("boom")
		})
		synctest.Wait()
		advance(2 * time.Second)
		r.Pause("c")
		advance(time.Second)
		if told.Load() != 2 {
			t.Errorf("told %d times, want 2", told.Load())
		}
	})
}
