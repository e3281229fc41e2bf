package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// ErrBudget is among the errors of a [Run] that ended because more items failed
// than its [ErrorBudget] allows.
var ErrBudget = errors.New("more items failed than the error budget allows")

// Report is what a [Run] has done.
type Report struct {
	Snapshot // the operation's last

	Throttles   int64 // batches that the backend refused, see [Overload]
	Concurrency int   // workers allowed at the end
	BatchSize   int   // items allowed in a batch at the end

	// Done is the number of items from the beginning of the source that are done
	// without a gap, or have failed for good, in this run or one before it. It
	// is what the last [Checkpoint] says.
	Done int64
}

// Run gives all items of source to fn, in batches and by many workers, and
// tracks that as one operation. How many workers and how large a batch is best
// it finds out by itself, within [Workers] and [Batch]: it goes for the most
// items per second.
//
//	report, err := bulk.Run(ctx, "reindex", products, index,
//		bulk.Workers(bulk.Auto(1, 64)), bulk.Batch(bulk.Auto(50, 5000)), bulk.Retry(3))
//
// The function is called by many goroutines at once, each time with a slice of
// its own. If it returns nil, the batch is done; [ItemErrors] says that a part
// of it failed, [Skipped] that there was nothing to do, [Overload] that the
// backend is too busy, [Stop] that the run must end, and any other error that all
// of it failed. A panic or [runtime.Goexit] is such an error. For functions that
// take one item see [One].
//
// The source is read by one goroutine, only as far ahead as two batches and an
// item for each worker. A panic in it ends the run like an error of [Run2].
//
// When ctx is done, fn is not called any more. Calls under way see it by their
// context; the items of those that return an error are neither done nor failed.
// The same goes for a run that ends for want of its budget, or by [Stop].
// Run returns when the source and all calls have returned, so both should watch
// ctx. The error is nil if every item was processed, apart from failures within
// the [ErrorBudget]; it is the cause of ctx, [ErrBudget] with the last failure,
// that of [Stop], the error of the source or that of the [Checkpoint]. The report
// is valid with and without an error. It is empty if something is wrong with the
// arguments, and then the error names all that is.
func Run[T any](ctx context.Context, name string, source iter.Seq[T], fn func(ctx context.Context, batch []T) error, opts ...Option) (Report, error) {
	if source == nil {
		return Run2(ctx, name, nil, fn, opts...)
	}
	pairs := func(yield func(T, error) bool) {
		source(func(v T) bool { return yield(v, nil) })
	}
	return Run2(ctx, name, pairs, fn, opts...)
}

// Run2 is [Run] for a source that can fail. An error that is not nil ends the
// reading, its item is ignored; what was read before is processed, and then the
// run has failed. That differs from [Range2], as an error may be all that is
// seen of the items that the source could not read. A source that goes on after
// an item it could not read says so by [Permanent]: the item counts as failed.
func Run2[T any](ctx context.Context, name string, source iter.Seq2[T, error], fn func(ctx context.Context, batch []T) error, opts ...Option) (Report, error) {
	c := newConfig(opts)
	size, errSize := itemFunc[T, int]("MaxBytes", c.run.size)
	key, errKey := itemFunc[T, string]("Key", c.run.key)
	faults := []error{c.run.check(), errSize, errKey}
	if source == nil {
		faults = append(faults, errors.New("the source is nil"))
	}
	if fn == nil {
		faults = append(faults, errors.New("the function is nil"))
	}
	if err := errors.Join(faults...); err != nil {
		return Report{}, fmt.Errorf("bulk.Run %q: %w", name, err)
	}
	ctx, op := Start(ctx, name, opts...)
	r := &runner[T]{
		runConfig: c.run, op: op, ctx: ctx, fn: fn, size: size, key: key,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), working: make(map[*batch[T]]struct{}),
		pace: pacer{rate: c.run.rate}, reading: op.Stage("read"), stage: op.Stage("process"),
	}
	r.room = sync.NewCond(&r.mu)
	if key != nil {
		r.keys = make(map[string][]entry[T])
	}
	r.takeSeat()
	err := r.resume()
	if err == nil {
		err = r.run(source)
	}
	r.pilot.stand(r.seat)
	if err == nil {
		op.finish(Completed, nil)
	} else {
		op.finish(op.resultOf(err), err)
	}
	return r.report(), err
}

// One makes a function for single items fit for [Run]. Of a batch with several
// it processes one after the other, and a failure of one does not keep it from
// the next; a done context does, and [Stop].
func One[T any](fn func(ctx context.Context, item T) error) func(context.Context, []T) error {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, batch []T) error {
		var failed ItemErrors
		var stopped error
		for i, item := range batch {
			err := cmp.Or(stopped, ctx.Err())
			if err == nil {
				err = contain(func() error { return fn(ctx, item) })
			}
			if err != nil {
				failed = append(failed, ItemError{i, err})
			}
			if marked[*stop](err) {
				stopped = err
			}
		}
		if len(failed) == 0 {
			return nil
		}
		return failed
	}
}

// runner is one run. Fields above mu do not change once it has begun.
type runner[T any] struct {
	runConfig
	op             *Operation
	ctx            context.Context //nolint:containedctx // that of the operation, for the calls of fn
	fn             func(context.Context, []T) error
	size           func(T) int
	key            func(T) string
	pilot          *pilot
	seat           *seat
	reading, stage *Stage        // in this order: a verdict takes the first for the reader
	wake           chan struct{} // holds one call for the dispatcher
	quit           chan struct{} // closed when halted
	told           atomic.Int64  // decisions of the pilot that were announced

	mu   sync.Mutex
	room *sync.Cond // for the reader
	queue[T]
	working   map[*batch[T]]struct{}
	pace      pacer
	hungry    time.Time // since when a worker waits for the source
	resumed   progress  // where this run began
	stopped   error     // why nothing more is started
	failed    int64
	processed int64
	abandoned []int64 // positions of items that were not done when the run was halted
}

func (r *runner[T]) takeSeat() {
	if r.backend != nil {
		r.pilot = r.backend.join(r.workers, r.batch)
	} else {
		r.pilot = newPilot(r.workers, r.batch)
		r.pilot.cpu = newCPUMeter()
		if past := r.op.estimate.past; past != nil {
			r.pilot.startFrom(past.limit, past.batch)
		}
	}
	r.seat = r.pilot.sit(r.nudge)
	_, _, turn := r.pilot.evidence()
	r.told.Store(int64(turn))
	r.announceLimits()
}

// run reads, processes and saves until all is done or the run must end.
func (r *runner[T]) run(source iter.Seq2[T, error]) error {
	var reading sync.WaitGroup
	reading.Go(func() { r.read(source) })
	stopSaving := r.startSaving()
	r.dispatch()
	r.mu.Lock()
	r.halt(r.sourceErr)
	r.mu.Unlock()
	reading.Wait()
	stopSaving()
	last := r.saveLast()
	if r.stopped == nil || last == nil {
		return cmp.Or(r.stopped, last)
	}
	return errors.Join(r.stopped, last)
}

// ending tells that no more calls are made, so what fails now is left for another
// run.
func (r *runner[T]) ending() bool {
	select {
	case <-r.quit:
		return true
	default:
		return r.ctx.Err() != nil
	}
}

// nudge makes the dispatcher look again.
func (r *runner[T]) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// halt ends the run for a reason, of which the first counts. The caller holds mu.
func (r *runner[T]) halt(why error) {
	if r.stopped == nil {
		r.stopped = why
	}
	if !r.halted {
		r.halted = true
		close(r.quit)
		r.room.Broadcast()
	}
}

// dispatch starts batches until nothing is left to start and to wait for.
func (r *runner[T]) dispatch() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	canceled := r.ctx.Done()
	for {
		r.mu.Lock()
		b, pause, over := r.next(time.Now())
		r.mu.Unlock()
		switch {
		case over:
			return
		case b != nil:
			go r.work(b)
			continue
		}
		timer.Reset(pause)
		select {
		case <-r.wake:
		case <-timer.C:
		case <-canceled:
			canceled = nil
			r.mu.Lock()
			r.halt(context.Cause(r.ctx))
			r.mu.Unlock()
		}
	}
}

// next returns the batch to start now, or for how long there will be none
// unless something happens. The caller holds mu.
func (r *runner[T]) next(now time.Time) (b *batch[T], pause time.Duration, over bool) {
	const nothing = time.Hour
	if r.halted || r.ended && r.buffered() == 0 {
		return nil, nothing, len(r.working) == 0
	}
	if r.ctx.Err() != nil {
		return nil, 0, false // the dispatcher will see it
	}
	if pause := r.pace.wait(now); pause > 0 {
		return nil, pause, false
	}
	size := r.pilot.batchLimit()
	r.blocked = r.blocked && r.full() // it may not have woken up yet
	ready, pause := r.ready(now, size, r.maxBytes, r.maxAge)
	if !ready {
		if r.hungry.IsZero() && !r.ended && r.pilot.free(r.seat, now) {
			r.hungry = now
		}
		return nil, pause, false
	}
	if pause, ok := r.pilot.admit(r.seat, now); !ok {
		return nil, pause, false
	}
	if !r.hungry.IsZero() {
		r.pilot.starved(r.hungry, now)
		r.hungry = time.Time{}
	}
	b = r.take(now, size, r.maxBytes)
	r.pace.take(now, len(b.entries))
	r.working[b] = struct{}{}
	r.room.Broadcast()
	return b, 0, false
}

func (r *runner[T]) report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Report{
		Snapshot:    r.op.Snapshot(),
		Throttles:   r.op.throttles.Load(),
		Concurrency: r.pilot.workerLimit(), BatchSize: r.pilot.batchLimit(),
		Done: r.state().watermark(),
	}
}
