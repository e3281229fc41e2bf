package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// observedFailures is how many uses in a row have to fail before they outweigh
// a function that passes.
const observedFailures = 5

// traffic is what real use of a check's subject has told. Its members are
// written by every request, so there is no lock.
type traffic struct {
	success  atomic.Int64 // when it last succeeded, in Unix nanoseconds
	failures atomic.Int64 // in a row, since then
	newest   atomic.Pointer[failure]
	hastened atomic.Bool // since the last execution
}

type failure struct {
	finding
	at time.Time
}

// Observe tells how one use of what the named check is about has ended, as seen
// by the application itself: nil for success. Evidence spares executions and
// brings them forward:
//
//   - While a check is healthy, a success within the last Interval takes the
//     place of the next execution.
//   - The first failure, and the first success of a check that isn't healthy,
//     cause an execution at once.
//   - After five failures in a row a function that passes is no longer believed:
//     the check is what the last failure says (unhealthy, or [Degraded]), with
//     [ReasonObserved], until a use succeeds or the failures are older than TTL.
//
// [context.Canceled] is ignored: a caller that has left proves nothing. So is a
// name that nobody registered. Observe is cheap enough for each request.
func (r *Registry) Observe(name string, err error) {
	list := *r.entries.Load()
	at, found := slices.BinarySearchFunc(list, name, byName)
	if !found {
		return
	}
	e := list[at]
	if err == nil {
		e.traffic.success.Store(time.Now().UnixNano())
		if e.traffic.failures.Load() != 0 {
			e.traffic.failures.Store(0)
		}
		if e.latest.Load().Found != StateHealthy {
			r.hasten(e)
		}
		return
	}
	proof, ok := prove(err)
	if !ok {
		return
	}
	e.traffic.newest.Store(&failure{proof, time.Now()})
	if n := e.traffic.failures.Add(1); n == 1 || n == observedFailures {
		r.hasten(e)
	}
}

// prove judges a failure unless it proves nothing, and contains what a foreign
// error's methods do.
func prove(err error) (f finding, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			f, ok = finding{StateUnhealthy, ReasonPanic, panicText(v)}, true
		}
	}()
	if errors.Is(err, context.Canceled) {
		return f, false
	}
	return judge(context.Background(), err), true
}

// outweigh returns found, or what traffic says if that is worse.
func (e *entry) outweigh(found finding, now time.Time) finding {
	newest, n := e.traffic.newest.Load(), e.traffic.failures.Load()
	if found.state != StateHealthy || n < observedFailures || newest == nil || now.Sub(newest.at) >= e.check.TTL {
		return found
	}
	return finding{newest.state, ReasonObserved, clip(fmt.Sprintf("the check passes, but its last %d uses failed: %s", n, newest.message), maxText)}
}

// vouched returns when traffic last succeeded, if that is recent and unbroken
// enough to stand for an execution of a healthy check that nobody asked for.
func (e *entry) vouched(now time.Time) (time.Time, bool) {
	latest := e.latest.Load().at(now)
	if e.told != nil || latest.State != StateHealthy || latest.Found != StateHealthy || e.traffic.failures.Load() != 0 {
		return time.Time{}, false
	}
	at := time.Unix(0, e.traffic.success.Load())
	age := time.Since(at) // not since now, which may be the older one; negative when the clock was set back
	return at, age >= 0 && age < e.check.Interval
}

// hasten brings the next execution forward, once for each execution.
func (r *Registry) hasten(e *entry) {
	if e.traffic.hastened.Swap(true) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bringForward(e, e.started.Add(e.check.fastInterval()))
}
