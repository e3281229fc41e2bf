package bulk

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
)

var errUnnamed = errors.New("no error given")

// Item is the current item of an [Each] loop. It is valid in the loop body of
// its iteration and for that goroutine alone.
type Item struct {
	op     *Operation
	worker *Worker
	marked bool  // counted already
	err    error // of the failed item the loop is at
	left   bool  // the loop came to its end, without a panic
}

// Context returns the operation's context. Spans started from it are children
// of the operation's span.
func (it *Item) Context() context.Context { return it.op.ctx }

// Operation returns the operation, to change its total or enter a stage. The
// loop ends it; ending it before is allowed.
func (it *Item) Operation() *Operation { return it.op }

// Fail marks the item as failed. See [Operation.Fail] for what is reported. An
// item counts once: the first of Fail and Skip holds.
func (it *Item) Fail(err error, attrs ...attribute.KeyValue) {
	if it.marked {
		return
	}
	it.marked = true
	if it.err = err; err == nil {
		it.err = errUnnamed
	}
	it.op.Fail(err, attrs...)
}

// Skip marks the item as one that needed no processing. See [Operation.Skip].
func (it *Item) Skip(reason string) {
	if it.marked {
		return
	}
	it.marked = true
	began := it.worker.hold()
	it.worker.Skip(reason)
	it.worker.began = began
}

// Bytes counts n bytes that were read or written for the item.
func (it *Item) Bytes(n int) {
	began := it.worker.hold()
	it.worker.Bytes(n)
	it.worker.began = began
}

// settled tells whether the item was marked, and makes way for the next.
func (it *Item) settled() bool {
	if !it.marked {
		return false
	}
	it.marked, it.err = false, nil
	it.worker.end(1)
	return true
}
