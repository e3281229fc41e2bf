package checkers

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func limp(context.Context) error   { return health.Degraded(errors.New("limping")) }
func crash(context.Context) error  { panic("boom") }
func sink(context.Context) error   { panic(abyss{}) }
func vanish(context.Context) error { runtime.Goexit(); return nil }

// abyss panics with itself when asked what it is, which fmt does not contain.
type abyss struct{}

func (abyss) Error() string { panic(abyss{}) }

type checks = []func(context.Context) error

func TestAllAndAtLeast(t *testing.T) {
	for name, tc := range map[string]struct {
		check   func(context.Context) error
		want    health.State
		message string
	}{
		"all healthy":        {All(pass, pass), health.StateHealthy, ""},
		"all, one degraded":  {All(pass, limp), health.StateDegraded, "limping"},
		"all, worst last":    {All(pass, limp, fail), health.StateUnhealthy, "limping\ndown"},
		"all, worst first":   {All(fail, limp), health.StateUnhealthy, "down\nlimping"},
		"all, panic":         {All(crash, limp), health.StateUnhealthy, "panic: boom\nlimping"},
		"all, abyss":         {All(sink, pass), health.StateUnhealthy, "panic with what panics when it is printed"},
		"all, Goexit":        {All(vanish, pass), health.StateUnhealthy, "runtime.Goexit was called"},
		"all of all":         {All(All(limp), AtLeast(1, pass, fail)), health.StateDegraded, "limping\n1 of 2 are of use: down"},
		"at least, healthy":  {AtLeast(2, pass, pass, pass), health.StateHealthy, ""},
		"at least, spare":    {AtLeast(2, pass, fail, pass), health.StateDegraded, "2 of 3 are of use: down"},
		"at least, panic":    {AtLeast(1, pass, crash), health.StateDegraded, "1 of 2 are of use: panic: boom"},
		"at least, too few":  {AtLeast(2, pass, fail, fail), health.StateUnhealthy, "1 of 3 are of use: down\ndown"},
		"at least, limping":  {AtLeast(2, limp, limp), health.StateDegraded, "2 of 2 are of use: limping\nlimping"},
		"at least, mixed":    {AtLeast(2, pass, limp, fail), health.StateDegraded, "2 of 3 are of use: limping\ndown"},
		"at least, all down": {AtLeast(1, fail, fail), health.StateUnhealthy, "0 of 2 are of use: down\ndown"},
	} {
		synctest.Test(t, func(t *testing.T) {
			got := execute(t, tc.check)
			if got.State != tc.want || flat(got.Message) != flat(tc.message) {
				t.Errorf("%s: %s (%q), want %s (%q)", name, got.State, got.Message, tc.want, tc.message)
			}
		})
	}
}

// flat is message whichever way the registry shows the end of a line.
func flat(message string) string { return strings.Join(strings.Fields(message), " ") }

// The checks run at the same time, so the slowest decides how long it takes.
func TestAllRunsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := func(context.Context) error { <-time.After(time.Second); return nil }
		start := time.Now()
		must(t, All(second, second, AtLeast(1, second, second))(t.Context()))
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A check that obeys its context makes All do so, and the rest still tell what
// they found. One that does not makes it hang, which its registry sees, and is
// not called again meanwhile.
func TestAllWaitsForEachCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		obeys := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		if err := All(obeys, fail)(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDown) {
			t.Errorf("error %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		release := make(chan struct{})
		ignores := func(context.Context) error { calls.Add(1); <-release; return nil }
		r := health.New(health.Options{})
		must(t, r.Register(health.Check{Name: "c", Func: All(pass, ignores), Interval: time.Second, Timeout: time.Second}))
		must(t, r.Start(t.Context()))
		<-time.After(time.Minute)
		if got := r.Report().Results[0]; got.State != health.StateUnhealthy || got.Reason != health.ReasonHung || calls.Load() != 1 {
			t.Errorf("%s (%s) after %d calls", got.State, got.Reason, calls.Load())
		}
		close(release)
		<-time.After(10 * time.Second)
		if got := r.Report().Results[0]; got.State != health.StateHealthy {
			t.Errorf("%s after its release", got.State)
		}
		must(t, r.Shutdown(context.WithoutCancel(t.Context())))
	})
}

func TestCombinatorsKeepTheirChecks(t *testing.T) {
	list := checks{pass, fail}
	all, some := All(list...), AtLeast(1, list...)
	list[1] = nil
	if err := all(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("all: %v", err)
	}
	if err := some(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("at least: %v", err)
	}
}
