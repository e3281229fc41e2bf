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
				return nil
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
