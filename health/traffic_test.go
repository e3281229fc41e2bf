package health

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTrafficSparesExecutions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := begin(t, Options{}, Check{Name: "db", Interval: 10 * time.Second, Timeout: time.Second, Func: func(context.Context) error {
			calls.Add(1)
			return nil
		}})
		advance(time.Second)
		for range 300 {
			r.Observe("db", nil)
			r.Observe("nobody", errDown)
			r.Observe("db", context.Canceled)
			advance(time.Second)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d executions although traffic proves health all the time", n)
		}
		result := expect(t, r, "db", StateHealthy, "")
		if time.Since(result.LastSuccess) > 12*time.Second {
			t.Errorf("last success at %v", result.LastSuccess)
		}
		advance(30 * time.Second)
		if n := calls.Load(); n < 3 {
			t.Errorf("%d executions in 30 s without traffic", n)
		}
	})
}

func TestFailingTrafficIsLookedInto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := begin(t, Options{}, Check{Name: "db", Interval: time.Minute, TTL: 5 * time.Minute, Func: func(context.Context) error {
			calls.Add(1)
			return nil
		}})
		advance(2 * time.Minute)
		before := calls.Load()
		for range 4 {
			r.Observe("db", errDown)
		}
		synctest.Wait()
		if n := calls.Load(); n != before+1 {
			t.Errorf("%d executions after the first failures, want one", n-before)
		}
		expect(t, r, "db", StateHealthy, "") // a few failures prove nothing
		r.Observe("db", errors.New("postgres://app:s3cret@db is read-only"))
		advance(13 * time.Second)
		result := expect(t, r, "db", StateUnhealthy, ReasonObserved)
		if want := "the check passes, but its last 5 uses failed: postgres://app:***@db is read-only"; result.Message != want {
			t.Errorf("message %q, want %q", result.Message, want)
		}
		r.Observe("db", nil) // a success is looked into as well
		advance(13 * time.Second)
		expect(t, r, "db", StateHealthy, "")

		for range 9 {
			r.Observe("db", Degraded(errDown))
		}
		advance(time.Minute)
		expect(t, r, "db", StateDegraded, ReasonObserved)
		advance(6 * time.Minute) // what is old says nothing
		expect(t, r, "db", StateHealthy, "")
	})
}

// A flood of evidence costs as many executions as the faster interval has.
func TestFloodOfTrafficIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		r := begin(t, Options{}, Check{Name: "db", Interval: 10 * time.Second, Func: func(context.Context) error {
			calls.Add(1)
			return errDown
		}})
		advance(time.Minute)
		before := calls.Load()
		for range 10_000 {
			r.Observe("db", nil)
			r.Observe("db", badError{})
			advance(time.Millisecond)
		}
		if n := calls.Load() - before; n > 6 {
			t.Errorf("%d executions in 10 s, want at most one each 2 s", n)
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	for name, n := range map[string]int{"1": 1, "10000": 10_000} {
		b.Run(name, func(b *testing.B) {
			r := busy(b, Options{}, n, 0)
			b.ReportAllocs()
			for b.Loop() {
				r.Observe("check00000", nil)
			}
		})
	}
}
