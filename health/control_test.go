package health

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// gatedLogs holds every record up until the gate is open.
type gatedLogs struct {
	recorder

	gate <-chan struct{}
}

func (g *gatedLogs) OnEmit(context.Context, *sdklog.Record) error {
	<-g.gate
	return nil
}

func (g *gatedLogs) provider() *sdklog.LoggerProvider {
	return sdklog.NewLoggerProvider(sdklog.WithProcessor(g))
}

func TestPauseAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		var calls atomic.Int32
		release := make(chan struct{})
		r := begin(t, o, Check{Name: "c", Critical: true, Interval: 10 * time.Second, Func: func(context.Context) error {
			if calls.Add(1) == 2 {
				<-release // ignores its context
			}
			return errDown
		}})
		advance(time.Second)
		expect(t, r, "c", StateUnhealthy, ReasonError)
		advance(12 * time.Second) // the second execution is under way
		for range 2 {
			if !r.Pause("c") || r.Pause("x") || r.Resume("x") {
				t.Error("Pause and Resume must report whether there is such a check")
			}
		}
		advance(time.Hour)
		if result := expect(t, r, "c", StateUnknown, ReasonPaused); !result.Muted() {
			t.Error("a paused check alerts")
		}
		report := r.Report()
		if report.State != StateHealthy || report.Verdict(Readiness) != StateHealthy {
			t.Errorf("a paused check counts: %s, %s", report.State, report.Verdict(Readiness))
		}
		if calls.Load() != 2 {
			t.Errorf("%d executions, want none while paused", calls.Load()-2)
		}
		r.Resume("c")
		r.Resume("c")
		expect(t, r, "c", StateUnknown, ReasonPending)
		close(release) // what was broken off by Pause says nothing after Resume
		synctest.Wait()
		expect(t, r, "c", StateUnknown, ReasonPending)
		advance(20 * time.Second)
		expect(t, r, "c", StateUnhealthy, ReasonError)
		var events []string
		for _, e := range got.events.all() {
			events = append(events, e.SeverityText()+" "+attributesOf(e)["health.check.state"])
		}
		if want := "ERROR unhealthy, INFO unknown, ERROR unhealthy"; strings.Join(events, ", ") != want {
			t.Errorf("events %v, want %s", events, want)
		}
	})
}

func TestPauseInEveryState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := New(Options{})
		must(t, r.Register(Check{Name: "c", Interval: time.Second, Func: func(context.Context) error { calls.Add(1); return nil }}))
		r.Pause("c")
		must(t, r.Start(t.Context()))
		advance(time.Minute)
		if calls.Load() != 0 {
			t.Error("paused before Start, it runs after")
		}
		r.Resume("c")
		advance(2 * time.Second)
		expect(t, r, "c", StateHealthy, "")
		must(t, r.Shutdown(t.Context()))
		if !r.Pause("c") {
			t.Error("Pause after Shutdown")
		}
		expect(t, r, "c", StateUnknown, ReasonStopped)
		must(t, r.Shutdown(t.Context()))
	})
}

func TestMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		r := begin(t, o, Check{Name: "a", Critical: true, Func: fail}, Check{Name: "b", Func: pass})
		advance(time.Second)
		end := r.Maintain(time.Now().Add(time.Hour), "upgrade of postgres://app:s3cret@db", "a", "later")
		endAll := r.Maintain(time.Now().Add(2*time.Hour), "")
		muted := func(want string) {
			t.Helper()
			var list []string
			for _, result := range r.Report().Results {
				list = append(list, fmt.Sprintf("%s=%s %t", result.Name, result.Maintenance, result.Muted()))
			}
			if got := strings.Join(list, ", "); got != want {
				t.Errorf("maintenance: %s, want %s", got, want)
			}
		}
		muted("a=upgrade of postgres://app:***@db true, b=maintenance true")
		if v := r.Report().Verdict(Readiness); v != StateUnhealthy {
			t.Errorf("readiness is %s: maintenance must not send traffic where nothing works", v)
		}
		if n := sum(t, got.collect(t)["health.check.muted"]); n != 2 {
			t.Errorf("%d checks are muted, want 2", n)
		}
		endAll()
		endAll()
		muted("a=upgrade of postgres://app:***@db true, b= false")
		advance(time.Hour)
		muted("a= false, b= false")
		end()
		muted("a= false, b= false")
	})
}

// Drain: readiness fails at once, liveness doesn't, and the context lives on for
// the delay.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Critical: true, Func: pass})
		h := r.Handler()
		advance(time.Second)
		signals := make(chan os.Signal, 2)
		ctx, stop := r.drainOn(t.Context(), 10*time.Second, signals)
		defer stop()
		signals <- syscall.SIGTERM
		synctest.Wait()
		for target, want := range map[string]string{
			"/livez":                 "200 ok",
			"/startupz":              "200 ok",
			"/readyz/c":              "200 ok",
			"/readyz":                "503 [-]shutdown draining\n[+]c ok\nnote: messages and details are withheld; the program allows them with health.ShowDetails\nreadyz check failed\n",
			"/readyz?exclude=c":      "503 [-]shutdown draining\n[+]c excluded: ok\nnote: messages and details are withheld; the program allows them with health.ShowDetails\nreadyz check failed\n",
			"/readyz?exclude=nobody": "503 [-]shutdown draining\n[+]c ok\nwarn: some health checks cannot be excluded: no matches for \"nobody\"\nnote: messages and details are withheld; the program allows them with health.ShowDetails\nreadyz check failed\n",
		} {
			w := get(t, h, target, "")
			if got := fmt.Sprint(w.Code, " ", w.Body); got != want {
				t.Errorf("%s while draining: %s, want %s", target, got, want)
			}
		}
		report := r.Report()
		if !report.Draining || report.Verdict(Readiness) != StateUnhealthy || report.Verdict(Liveness) != StateHealthy || report.State != StateHealthy {
			t.Errorf("%+v", report)
		}
		advance(10*time.Second - time.Nanosecond)
		if ctx.Err() != nil {
			t.Error("the context ends before the delay")
		}
		advance(time.Nanosecond)
		if ctx.Err() == nil {
			t.Error("the context outlives the delay")
		}
	})
}

func TestDrainCutShort(t *testing.T) {
	for name, end := range map[string]func(chan<- os.Signal, func()){
		"a second signal": func(s chan<- os.Signal, _ func()) { s <- syscall.SIGTERM; s <- syscall.SIGTERM },
		"interrupt":       func(s chan<- os.Signal, _ func()) { s <- os.Interrupt },
		"stop":            func(s chan<- os.Signal, stop func()) { s <- syscall.SIGTERM; synctest.Wait(); stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := begin(t, Options{})
				signals := make(chan os.Signal, 2)
				ctx, stop := r.drainOn(t.Context(), time.Hour, signals)
				end(signals, stop)
				synctest.Wait()
				if ctx.Err() == nil {
					t.Error("the context goes on")
				}
				if !r.Report().Draining {
					t.Error("not draining")
				}
				stop()
			})
		})
	}
}

// The signal of the operating system, and nothing left behind.
func TestDrainOnSignal(t *testing.T) {
	r := New(Options{})
	ctx, stop := r.DrainOnSignal(t.Context(), 0)
	self, err := os.FindProcess(os.Getpid())
	must(t, err)
	if err := self.Signal(syscall.SIGTERM); err != nil {
		stop()
		t.Logf("signals can't be sent here: %v", err)
		return
	}
	<-ctx.Done()
	stop()
	stop()
	if !r.Report().Draining {
		t.Error("SIGTERM did not drain")
	}
	must(t, r.Shutdown(t.Context()))
}

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
		if strings.Contains(err.Error(), "a listener panicked") {
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

func hangHere(release <-chan struct{}) { <-release }

// The stack of a hung execution, and of what it waits for, is in its result and
// in detailed answers, and nowhere else.
func TestAutopsy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := begin(t, Options{},
			Check{Name: "hung", Critical: true, Interval: 5 * time.Second, Timeout: time.Second, Func: func(context.Context) error {
				done := make(chan struct{})
				go func() { defer close(done); hangHere(release) }()
				<-done
				return nil
			}},
			Check{Name: "fine", Func: pass})
		advance(3 * time.Second)
		stack := expect(t, r, "hung", StateUnhealthy, ReasonHung).Stack
		first, _, _ := strings.Cut(stack, "\n\n")
		if !strings.Contains(first, "health.TestAutopsy") || !strings.Contains(stack, "health.hangHere control_test.go:") {
			t.Errorf("stack\n%s", stack)
		}
		if resultOf(t, r, "fine").Stack != "" {
			t.Error("a check that doesn't hang has a stack")
		}
		if body := get(t, r.Handler(ShowDetails(everyone)), "/readyz", "").Body.String(); !strings.Contains(body, "\n    health.hangHere control_test.go:") {
			t.Errorf("the detailed answer lacks the stack:\n%s", body)
		}
		if body := get(t, r.Handler(), "/readyz", "").Body.String(); strings.Contains(body, "hangHere") {
			t.Errorf("everybody sees the stack:\n%s", body)
		}

		// Within ten seconds no second look; the check catches up later.
		must(t, r.Register(Check{Name: "second", Interval: 5 * time.Second, Timeout: time.Second, Func: func(context.Context) error { hangHere(release); return nil }}))
		advance(2 * time.Second)
		if expect(t, r, "second", StateUnhealthy, ReasonHung).Stack != "" {
			t.Error("each hung check costs a profile")
		}
		advance(15 * time.Second)
		if resultOf(t, r, "second").Stack == "" || resultOf(t, r, "hung").Stack == "" {
			t.Error("the second check's stack is never looked up, or the first one's is lost")
		}
		close(release)
		advance(10 * time.Second)
		if result := expect(t, r, "hung", StateHealthy, ""); result.Stack != "" {
			t.Error("a healthy check keeps its stack")
		}
	})
}

func FuzzLabelled(f *testing.F) {
	f.Add("goroutine profile: total 1\n1 @ 0x1\n# labels: {\"health.check\":\"db\"}\n#\t0x1\tmain.f+0x33\t/src/main.go:12\n\n")
	f.Fuzz(func(t *testing.T, profile string) {
		for name, stack := range labelled(profile) {
			if name == "" || len(stack) > maxStack {
				t.Errorf("%q has %d bytes", name, len(stack))
			}
		}
	})
}
