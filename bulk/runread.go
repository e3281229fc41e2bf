package bulk

import (
	"errors"
	"fmt"
	"iter"
	"runtime/debug"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// read puts what the source gives into the queue. What is deferred runs also
// when the source exits its goroutine.
func (r *runner[T]) read(source iter.Seq2[T, error]) {
	leave := r.reading.Enter()
	err := errExited
	defer func() {
		leave()
		if err != nil {
			err = fmt.Errorf("read the source: %w", err)
		}
		r.mu.Lock()
		r.ended, r.sourceErr = true, err
		r.mu.Unlock()
		r.nudge()
	}()
	err = contain(func() error {
		var failed error
		source(func(v T, err error) bool {
			switch {
			case err == nil:
				return r.put(v, &leave)
			case marked[*permanent](err):
				return r.miss(err)
			}
			failed = err
			return false
		})
		return failed
	})
}

// put queues one item, as soon as there is room, and tells whether to go on.
// leave is that of the reading stage, which waiting is no part of.
func (r *runner[T]) put(v T, leave *func()) bool {
	e := entry[T]{item: v}
	if r.size != nil {
		e.size = max(r.size(v), 0)
	}
	if r.key != nil {
		e.key = r.key(v)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.passes() {
		return !r.halted
	}
	if r.full() && !r.halted {
		(*leave)()
		for r.full() && !r.halted {
			r.blocked = true
			r.nudge()
			r.room.Wait()
		}
		r.blocked = false
		*leave = r.reading.Enter()
	}
	if r.halted {
		return false
	}
	e.at = r.spot
	r.spot++
	r.push(e)
	if size := r.pilot.batchLimit(); len(r.fresh) == 1 || len(r.fresh) >= size || r.bytes >= r.maxBytes {
		r.nudge()
	}
	return true
}

// miss counts an item that could not be read, and tells whether to go on.
func (r *runner[T]) miss(err error) bool {
	r.mu.Lock()
	if r.halted || r.passes() {
		defer r.mu.Unlock()
		return !r.halted
	}
	at := r.spot
	r.spot++
	over := r.charge(1, err)
	if over {
		r.abandoned = append(r.abandoned, at)
	}
	r.mu.Unlock()
	r.op.Fail(err, attribute.Int64(keys.BulkItemPosition, at))
	return !over
}

// passes tells whether the next item is done already, and steps over it. The
// caller holds mu.
func (r *runner[T]) passes() bool {
	if !r.resumed.done(r.spot) {
		return false
	}
	r.spot++
	r.op.Skip("checkpoint")
	return true
}

// full tells that enough is read ahead. The caller holds mu.
func (r *runner[T]) full() bool {
	return r.buffered() >= 2*r.pilot.batchLimit()+r.pilot.workerLimit() || r.bytes/2 >= r.maxBytes
}

// contain calls f and makes an error of a panic or an exit of its goroutine.
// After the latter it does not return, but what is deferred above it runs. An
// error that panics when it is looked into, such as a nil pointer, is a panic too.
func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	err = f()
	_ = errors.Is(err, errExited)
	return err
}

// panicked is the error of a panic, with its stack in the text.
func panicked(v any) error {
	return &contained{panicError{v}, debug.Stack()}
}

// contained is a panic in the caller's code that does not go on.
type contained struct {
	panicError
	stack []byte
}

func (c *contained) Error() string { return c.panicError.Error() + "\n\n" + string(c.stack) }
func (c *contained) Unwrap() error { return c.panicError }
