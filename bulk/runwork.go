package bulk

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// work calls the function for one batch. What is deferred runs also when the
// function exits its goroutine.
func (r *runner[T]) work(b *batch[T]) {
	items := make([]T, len(b.entries))
	for i := range b.entries {
		items[i] = b.entries[i].item
	}
	leave := r.stage.Enter()
	r.op.workers.Add(1)
	start := time.Now()
	err := errExited
	defer func() {
		end := time.Now()
		leave()
		r.op.workers.Add(-1)
		r.finish(b, err, end, end.Sub(start))
	}()
	err = contain(func() error { return r.fn(r.ctx, items) })
}

// outcome is what became of the items of a batch.
type outcome[T any] struct {
	done    []entry[T]
	skipped []entry[T]
	reasons []string   // of skipped
	again   []entry[T] // failed, to be tried again
	whole   bool       // it is not known which of them it was
	refused []entry[T] // by a busy backend
	after   time.Duration
	left    []entry[T] // of a run that is ending
	failed  []entry[T] // for good
	errs    []error    // of failed
	retried []error    // of again
	stop    error      // why the function wants the run to end
}

func (r *runner[T]) judge(b *batch[T], err error) outcome[T] {
	if err == nil {
		return outcome[T]{done: b.entries}
	}
	var o outcome[T]
	errs, whole := each(err, len(b.entries))
	o.whole = whole
	for i, e := range b.entries {
		err := errs[i]
		if err == nil {
			o.done = append(o.done, e)
			continue
		}
		after, busy := refused(err)
		reason, skip := errors.AsType[skipped](err)
		switch {
		case skip:
			o.skipped, o.reasons = append(o.skipped, e), append(o.reasons, string(reason))
		case marked[*stop](err):
			o.left, o.stop = append(o.left, e), err
		case r.ending():
			o.left = append(o.left, e)
		case busy:
			o.refused, o.after = append(o.refused, e), max(o.after, after)
		case e.tries < r.retry && !marked[*permanent](err):
			e.tries++
			o.again, o.retried = append(o.again, e), append(o.retried, err)
		default:
			o.failed, o.errs = append(o.failed, e), append(o.errs, err)
		}
	}
	return o
}

// finish takes the result of a call. What the backend refused keeps its worker
// for a while: others would be refused too.
func (r *runner[T]) finish(b *batch[T], err error, now time.Time, took time.Duration) {
	o := r.judge(b, err)
	r.tell(o)
	r.pilot.done(now, call{took: took, items: len(o.done) + len(o.skipped), refused: len(o.refused) > 0, after: o.after})
	back := r.settle(b, o, now)
	if back != nil {
		timer := time.NewTimer(max(o.after, backoff(back.refusals+1)))
		select {
		case <-timer.C:
		case <-r.quit:
			timer.Stop()
		}
		r.mu.Lock()
		delete(r.working, back)
		r.later(back)
		r.mu.Unlock()
	}
	r.pilot.release(r.seat)
	r.announceLimits()
	r.nudge()
}

// tell counts the items of a batch. It calls the caller's telemetry, so without
// mu.
func (r *runner[T]) tell(o outcome[T]) {
	sum := 0
	for i := range o.done {
		sum += o.done[i].size
	}
	r.op.Add(len(o.done))
	r.op.Bytes(sum)
	for _, reason := range o.reasons {
		r.op.Skip(reason)
	}
	for _, err := range o.retried {
		r.op.Retry(err)
	}
	for i, e := range o.failed {
		r.op.Fail(o.errs[i], attribute.Int64(keys.BulkItemPosition, e.at))
	}
}

// settle gives every item of a batch its next place, and returns those that
// were refused.
func (r *runner[T]) settle(b *batch[T], o outcome[T], now time.Time) (back *batch[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.working, b)
	if o.stop != nil {
		r.halt(o.stop)
	}
	r.processed += int64(len(o.done))
	if n := len(o.errs); n > 0 && r.charge(n, o.errs[n-1]) {
		o.left = append(o.left, o.failed...) // another run tries them again
		o.failed = nil
	}
	r.abandoned = positions(r.abandoned, o.left)
	if r.key != nil {
		for _, settled := range [][]entry[T]{o.done, o.skipped, o.failed} {
			for i := range settled {
				r.release(settled[i].key)
			}
		}
	}
	for _, part := range parts(o.again, o.whole) {
		due := now.Add(backoff(part[0].tries))
		r.later(&batch[T]{entries: part, due: due})
	}
	if len(o.refused) > 0 {
		r.op.throttles.Add(1)
		back = &batch[T]{entries: o.refused, refusals: b.refusals + 1, due: now}
		r.working[back] = struct{}{}
	}
	r.room.Broadcast()
	return back
}

// parts are the batches in which items are tried again.
func parts[T any](again []entry[T], whole bool) [][]entry[T] {
	switch n := len(again); {
	case n == 0:
		return nil
	case n > 1 && whole:
		return [][]entry[T]{again[:n/2], again[n/2:]}
	}
	return [][]entry[T]{again}
}

// charge counts n items that have failed for good, and ends the run if more have
// than may. The caller holds mu.
func (r *runner[T]) charge(n int, last error) (over bool) {
	r.failed += int64(n)
	r.processed += int64(n)
	of := max(r.op.total.Load(), r.processed)
	if r.op.total.Load() < 0 {
		of = max(of, 1000)
	}
	if over = float64(r.failed) > r.budget*float64(of); over {
		r.halt(fmt.Errorf("%w (%d of %d): %w", ErrBudget, r.failed, r.processed, last))
	}
	return over
}
