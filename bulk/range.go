package bulk

import (
	"context"
	"errors"
	"iter"
	"reflect"
)

// Range passes on the items of seq and tracks the loop over them as one
// operation, which starts when the loop does:
//
//	for u := range bulk.Range(ctx, "import.users", users, bulk.Total(n)) {
//
// An item counts as ok when its loop body has run to its end. The operation
// ends with the loop:
//   - completed, when seq is exhausted, and also when the body leaves the loop
//     early; the item it was left at is not counted;
//   - canceled, when ctx is done by then, unless the total was reached; Range
//     itself never ends a loop, so look at ctx in the body where that matters;
//   - failed, when the body panics, or calls [runtime.Goexit]. The panic goes on
//     with the same value. Also when seq is nil: there is no item then.
//
// Item by item, time is told apart by where it goes: into the sequence or into the
// body. [Snapshot.Verdict] judges by it what limits the loop, and the slowest
// items are kept.
//
// Use [Each] where items can fail or be skipped. The sequence may be ranged over
// again, as a new operation.
//
//go:noinline
func Range[T any](ctx context.Context, name string, seq iter.Seq[T], opts ...Option) iter.Seq[T] {
	return func(yield func(T) bool) {
		track(ctx, name, opts, func(it *Item, w *Worker) {
			if seq == nil {
				it.err = errNoSource
				return
			}
			seq(func(v T) bool {
				w.begin()
				if !yield(v) {
					return false
				}
				w.OK()
				return true
			})
		})
	}
}

// Range2 is [Range] for pairs. If V is the type error, a pair whose error is not
// nil counts as failed, and leaving the loop there ends the operation as failed:
//
//	for row, err := range bulk.Range2(ctx, "etl.orders", rows) {
//		if err != nil {
//			return err
//		}
//
//go:noinline
func Range2[K, V any](ctx context.Context, name string, seq iter.Seq2[K, V], opts ...Option) iter.Seq2[K, V] {
	canFail := reflect.TypeFor[V]() == reflect.TypeFor[error]()
	return func(yield func(K, V) bool) {
		track(ctx, name, opts, func(it *Item, w *Worker) {
			if seq == nil {
				it.err = errNoSource
				return
			}
			seq(func(k K, v V) bool {
				w.begin()
				if canFail {
					if err, _ := any(v).(error); err != nil {
						it.Fail(err)
					}
				}
				if !yield(k, v) {
					return false
				}
				if !it.settled() {
					w.OK()
				}
				return true
			})
		})
	}
}

// Slice is [Range] over the elements of a slice, whose number is the total.
//
//go:noinline
func Slice[S ~[]T, T any](ctx context.Context, name string, s S, opts ...Option) iter.Seq[T] {
	return func(yield func(T) bool) {
		track(ctx, name, append([]Option{Total(len(s))}, opts...), func(_ *Item, w *Worker) {
			for _, v := range s {
				w.begin()
				if !yield(v) {
					return
				}
				w.OK()
			}
		})
	}
}

// Chan is [Range] over what is received from ch, until ch is closed. Since a
// receive may wait for ever, the loop also ends when ctx is done.
//
//go:noinline
func Chan[T any](ctx context.Context, name string, ch <-chan T, opts ...Option) iter.Seq[T] {
	return func(yield func(T) bool) {
		track(ctx, name, opts, func(it *Item, w *Worker) {
			if ch == nil {
				it.err = errNoSource
				return
			}
			for {
				select {
				case v, open := <-ch:
					if !open {
						return
					}
					w.begin()
					if !yield(v) {
						return
					}
					w.OK()
				case <-ctx.Done():
					return
				}
			}
		})
	}
}

// Each is [Range] with a handle on the item, by which the loop body says what
// became of it and reaches the operation:
//
//	for item, u := range bulk.Each(ctx, "import.users", users) {
//		if err := save(item.Context(), u); err != nil {
//			item.Fail(err, attribute.Int64("user.id", u.ID))
//		}
//	}
//
// Leaving the loop at an item marked as failed ends the operation as failed.
//
//go:noinline
func Each[T any](ctx context.Context, name string, seq iter.Seq[T], opts ...Option) iter.Seq2[*Item, T] {
	return func(yield func(*Item, T) bool) {
		track(ctx, name, opts, func(it *Item, w *Worker) {
			if seq == nil {
				it.err = errNoSource
				return
			}
			seq(func(v T) bool {
				w.begin()
				if !yield(it, v) {
					return false
				}
				if !it.settled() {
					w.OK()
				}
				return true
			})
		})
	}
}

// track runs a loop as an operation. The functions that call it are not inlined
// into loops, because in such a copy the compiler would no longer inline
// Worker.OK, which more than doubles the price of an item.
func track(ctx context.Context, name string, opts []Option, loop func(*Item, *Worker)) {
	_, op := Start(ctx, name, opts...)
	it := &Item{op: op, worker: op.Worker()}
	it.worker.ended = 1 // the first item is waited for from here on
	defer it.leave()
	loop(it, it.worker)
	it.left = true
}

var errExited = errors.New("goroutine exited inside the loop")

// leave ends the operation when its loop has ended, in whatever way. It must be
// deferred itself, for recover to work.
func (it *Item) leave() {
	v := recover()
	it.worker.Close()
	switch {
	case v != nil:
		it.op.finish(Failed, panicError{v})
		panic(v)
	case !it.left:
		it.op.finish(Failed, errExited)
	default:
		it.op.finishLoop(it.err)
	}
}

// finishLoop ends an operation whose loop came to its end. err is that of the
// failed item it was left at, if so.
func (o *Operation) finishLoop(err error) {
	t := o.expected()
	reached := t >= 0 && o.measure(o.counts()).items() >= t
	switch {
	case o.ctx.Err() != nil && !reached:
		o.finish(Canceled, context.Cause(o.ctx))
	case err != nil:
		o.finish(o.resultOf(err), err)
	default:
		o.finish(Completed, nil)
	}
}
