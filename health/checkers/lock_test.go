package checkers

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// Two goroutines take two locks in different order and wait for each other:
// the count of goroutines is as ever, no CPU is used, and nothing goes on.
func TestLockDetectsADeadlock(t *testing.T) {
	var a, b sync.Mutex
	moved := 0
	aHeld, bHeld := make(chan struct{}), make(chan struct{})
	r := health.New(health.Options{})
	must(t, r.Register(health.Check{
		Name: "accounts", Func: Lock(&a), Scope: health.Internal, Probes: health.Liveness, Critical: true,
		Interval: 10 * time.Millisecond, Timeout: 100 * time.Millisecond,
	}))
	must(t, r.Register(health.Check{Name: "count", Func: Goroutines(CountLimits{}), Interval: 10 * time.Millisecond}))
	must(t, r.Start(t.Context()))
	waitFor(t, r, health.StateHealthy)

	var both sync.WaitGroup
	both.Go(func() {
		a.Lock()
		close(aHeld)
		<-bHeld
		b.Lock() // for ever
		moved++
		b.Unlock()
		a.Unlock()
	})
	both.Go(func() {
		b.Lock()
		close(bHeld)
		<-aHeld
		a.Lock() // for ever
		moved++
		a.Unlock()
	})
	<-aHeld
	<-bHeld
	waitFor(t, r, health.StateUnhealthy)
	if got := r.Report().Results[0]; got.Name != "accounts" || got.Reason != health.ReasonHung {
		t.Errorf("%s: %s", got.Name, got.Reason)
	}
	if got := r.Report().Results[1]; got.State != health.StateHealthy {
		t.Errorf("the count is %s", got.State)
	}
	b.Unlock() // in place of its holder, which no program would do, but a test must end
	both.Wait()
	if moved != 2 {
		t.Errorf("moved %d times", moved)
	}
	waitFor(t, r, health.StateHealthy)
	must(t, r.Shutdown(context.WithoutCancel(t.Context())))
}

// waitFor waits until the first check has the state.
func waitFor(t *testing.T, r *health.Registry, state health.State) {
	t.Helper()
	for r.Report().Results[0].State != state {
		<-time.After(time.Millisecond)
	}
}

// Readers do not keep each other out, nor does the check keep out readers.
func TestLockOfReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rw sync.RWMutex
		rw.RLock()
		must(t, Lock(rw.RLocker())(t.Context()))
		if !rw.TryRLock() {
			t.Error("the check keeps a reader out")
		}
	})
}

func TestLockTellsHowLongItTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		contended := locker{make(chan struct{}, 1)}
		contended.Lock()
		time.AfterFunc(2*time.Second, contended.Unlock)
		wait := detail(t, expect(t, Lock(contended), health.StateHealthy, ""), "lock.wait")
		if seconds, err := strconv.ParseFloat(wait, 64); err != nil || seconds < 1 || seconds > 2 {
			t.Errorf("waited %s s", wait)
		}
	})
}

// locker is a lock for whose waiters the fake clock goes on.
type locker struct{ held chan struct{} }

func (l locker) Lock()   { l.held <- struct{}{} }
func (l locker) Unlock() { <-l.held }
