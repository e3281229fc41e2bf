package health

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
)

// A function that ignores its context costs one goroutine, its own verdict, and
// nothing else.
func TestHungCheckHurtsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls, others atomic.Int32
		r := begin(t, Options{Concurrency: 1},
			Check{Name: "hung", Critical: true, Interval: 10 * time.Second, Timeout: 2 * time.Second, Func: func(context.Context) error {
				calls.Add(1)
				<-release
				return nil
			}},
			Check{Name: "other", Interval: 10 * time.Second, Timeout: time.Second, Func: func(context.Context) error {
				others.Add(1)
				return nil
			}})
		advance(500*time.Millisecond + 2*time.Second - time.Nanosecond)
		expect(t, r, "hung", StateUnknown, ReasonPending)
		advance(time.Nanosecond) // the bound is hard
		expect(t, r, "hung", StateUnhealthy, ReasonHung)
		advance(10 * time.Minute)
		got := expect(t, r, "hung", StateUnhealthy, ReasonHung) // renewed, so not stale
		if !strings.Contains(got.Message, "has not returned for 10m") {
			t.Errorf("message %q does not tell for how long", got.Message)
		}
		if !got.LastCompletion.IsZero() {
			t.Errorf("completed at %v, but it never did", got.LastCompletion)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("called %d times, want 1: executions pile up", n)
		}
		if n := ourGoroutines(); n != 2 {
			t.Errorf("%d goroutines, want the scheduler's and the hung one", n)
		}
		if n := others.Load(); n < 55 || n > 65 {
			t.Errorf("the other check ran %d times in 10 min, want 60: the hung one kept the only slot", n)
		}
		expect(t, r, "other", StateHealthy, "")

		close(release)
		advance(11 * time.Second)
		expect(t, r, "hung", StateHealthy, "")
		if n := calls.Load(); n != 2 {
			t.Errorf("called %d times after it returned, want 2", n)
		}
	})
}

// ourGoroutines counts those that are in a method of a registry.
func ourGoroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		calls, _, _ := strings.Cut(stack, "created by")
		if strings.Contains(calls, "health.(*Registry).") {
			n++
		}
	}
	return n
}

// The late nil of an execution that was given up must not make it healthy.
func TestLateResultIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		release := make(chan struct{})
		r := begin(t, o, Check{Name: "late", Interval: time.Minute, Timeout: time.Second, Func: func(ctx context.Context) error {
			<-release
			Detail(ctx)
			return nil
		}})
		advance(5 * time.Second)
		expect(t, r, "late", StateUnhealthy, ReasonHung)
		close(release)
		synctest.Wait()
		expect(t, r, "late", StateUnhealthy, ReasonHung)
		if n := len(got.events.all()); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})
}

func TestTimeoutThatIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "slow", Timeout: 2 * time.Second, Func: func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("dial 10.0.0.5: %w", ctx.Err())
		}})
		advance(500*time.Millisecond + 2*time.Second)
		got := expect(t, r, "slow", StateUnhealthy, ReasonTimeout)
		if want := "dial 10.0.0.5: context deadline exceeded"; got.Message != want {
			t.Errorf("message %q, want %q", got.Message, want)
		}
		if want := 1900 * time.Millisecond; got.Duration != want {
			t.Errorf("took %v, want %v", got.Duration, want)
		}
	})
}

type badError struct{}

func (badError) Error() string { panic("Error panics") }

func TestPanicIsContained(t *testing.T) {
	for name, tc := range map[string]struct {
		f    func(context.Context) error
		want string
	}{
		"error":   {func(context.Context) error { panic(errDown) }, "panic: down"},
		"string":  {func(context.Context) error { panic("postgres://app:s3cret@db broke") }, "panic: postgres://app:***@db broke"},
		"nil":     {func(context.Context) error { panic(nil) }, "panic: panic called with nil argument"},
		"runtime": {func(context.Context) error { var list []error; return list[len(list)] }, "panic: runtime error: index out of range [0] with length 0"},
		"goexit":  {func(context.Context) error { runtime.Goexit(); return nil }, "runtime.Goexit was called"},
		"Error":   {func(context.Context) error { return badError{} }, "panic: Error panics"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := begin(t, Options{},
					Check{Name: "bad", Func: tc.f, Interval: time.Second},
					Check{Name: "good", Func: pass, Interval: time.Second})
				advance(10 * time.Second)
				got := expect(t, r, "bad", StateUnhealthy, ReasonPanic)
				if !strings.HasPrefix(got.Message, tc.want) {
					t.Errorf("message %q, want %q", got.Message, tc.want)
				}
				if got.Timestamp.Before(time.Now().Add(-2 * time.Second)) {
					t.Errorf("last result is of %v: it no longer runs", got.Timestamp)
				}
				expect(t, r, "good", StateHealthy, "")
			})
		})
	}
}

// A check never runs twice at a time, however short its interval.
func TestAtMostOneExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at, most, calls atomic.Int32
		begin(t, Options{}, Check{Name: "c", Interval: MinInterval, Timeout: time.Second, Func: func(context.Context) error {
			calls.Add(1)
			most.Store(max(most.Load(), at.Add(1)))
			defer at.Add(-1)
			advanceInCheck(500 * time.Millisecond)
			return nil
		}})
		advance(10 * time.Second)
		if most.Load() != 1 || calls.Load() < 15 {
			t.Errorf("%d executions, up to %d at a time; want about 20, one at a time", calls.Load(), most.Load())
		}
	})
}

// advanceInCheck takes time without waiting for the bubble to settle.
func advanceInCheck(d time.Duration) { <-time.After(d) }

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at, most atomic.Int32
		r := New(Options{Concurrency: 3})
		r.random = func() float64 { return 0 }
		for i := range 20 {
			must(t, r.Register(Check{Name: fmt.Sprint("c", i), Interval: time.Minute, Func: func(context.Context) error {
				most.Store(max(most.Load(), at.Add(1)))
				defer at.Add(-1)
				advanceInCheck(time.Second)
				return nil
			}}))
		}
		must(t, r.Start(t.Context()))
		advance(10 * time.Second)
		if most.Load() != 3 {
			t.Errorf("%d at a time, want 3", most.Load())
		}
		if state := r.Report().State; state != StateHealthy {
			t.Errorf("after 7 rounds of 3 the service is %s", state)
		}
		for _, result := range r.Report().Results {
			if result.State != StateHealthy {
				t.Errorf("%s is %s", result.Name, result.State)
			}
		}
		must(t, r.Shutdown(t.Context()))
	})
}

// Nothing is learnt from executions that Shutdown or Unregister broke off.
func TestBrokenOffExecutionIsNotAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		var obeys atomic.Bool
		r := begin(t, o, Check{Name: "c", Interval: time.Second, Func: func(ctx context.Context) error {
			if obeys.Load() {
				<-ctx.Done()
			}
			return ctx.Err()
		}})
		advance(time.Second)
		expect(t, r, "c", StateHealthy, "")
		obeys.Store(true)
		advance(2 * time.Second)
		must(t, r.Shutdown(t.Context()))
		expect(t, r, "c", StateUnknown, ReasonStopped)
		if n := len(got.events.all()); n != 1 {
			t.Errorf("%d events, want only that of the first result", n)
		}
		if n := len(got.spans.Ended()); n != 1 {
			t.Errorf("%d spans, want only that of the first result", n)
		}
	})
}

func TestStartedSpanOfBrokenOffExecutionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		r := begin(t, o, Check{Name: "c", Func: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		advance(time.Second)
		must(t, r.Shutdown(t.Context()))
		if started, ended := len(got.spans.Started()), len(got.spans.Ended()); started != 1 || ended != 1 {
			t.Errorf("%d spans started, %d ended, want one each", started, ended)
		}
		if s := got.spans.Ended()[0]; s.Status().Code != codes.Unset || len(s.Attributes()) != 2 {
			t.Errorf("a span of nothing says %v %v", s.Status(), s.Attributes())
		}
	})
}

// An error that came because the context ended is a timeout, whatever it says.
func TestTimeoutInOtherWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Timeout: time.Second, Func: func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("gave up")
		}})
		advance(3 * time.Second)
		expect(t, r, "c", StateUnhealthy, ReasonTimeout)
	})
}

func TestDetailsAndDegradation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Critical: true, Func: func(context.Context) error {
			return fmt.Errorf("replica: %w", Degraded(errors.New("lag")))
		}})
		advance(time.Second)
		got := expect(t, r, "c", StateDegraded, ReasonError)
		if got.Message != "replica: lag" {
			t.Errorf("message %q", got.Message)
		}
		if state := r.Report().State; state != StateDegraded {
			t.Errorf("the service is %s, want degraded", state)
		}
	})
}

func TestUnregisterBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		var ended atomic.Bool
		r := begin(t, o, Check{Name: "c", Timeout: time.Minute, Func: func(ctx context.Context) error {
			<-ctx.Done()
			ended.Store(true)
			return ctx.Err()
		}})
		advance(5 * time.Second)
		r.Unregister("c")
		synctest.Wait()
		if !ended.Load() {
			t.Error("the execution goes on")
		}
		advance(time.Minute)
		if n := len(got.events.all()); n != 0 {
			t.Errorf("%d events of a check that is gone", n)
		}
	})
}

// A check that is removed during an execution and registered anew runs once at a
// time, at its own pace, and hears nothing of the old one.
func TestReplacedDuringAnExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var old, calls atomic.Int32
		release := make(chan struct{})
		r := begin(t, Options{}, Check{Name: "c", Interval: time.Second, Func: func(context.Context) error {
			old.Add(1)
			<-release
			return errDown
		}})
		advance(2 * time.Second)
		if !r.Unregister("c") || r.Unregister("c") {
			t.Error("removed twice")
		}
		must(t, r.Register(Check{Name: "c", Interval: 10 * time.Second, Func: func(context.Context) error { calls.Add(1); return nil }}))
		advance(time.Second)
		close(release)
		advance(99 * time.Second)
		expect(t, r, "c", StateHealthy, "")
		if old.Load() != 1 || calls.Load() != 10 {
			t.Errorf("the old check ran %d times, the new one %d times, want 1 and 10", old.Load(), calls.Load())
		}
	})
}

func TestContextEndsWithTheExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		begin(t, Options{}, Check{Name: "c", Timeout: time.Minute, Func: func(ctx context.Context) error {
			kept = ctx //nolint:fatcontext // to look at it afterwards
			return nil
		}})
		advance(2 * time.Second)
		if !errors.Is(kept.Err(), context.Canceled) {
			t.Errorf("the context outlives the execution: %v", kept.Err())
		}
	})
}
