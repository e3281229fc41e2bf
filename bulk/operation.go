package bulk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Operation is one run over many items, from [Start] to [Operation.End]. All
// its methods may be called by many goroutines at once. A nil *Operation takes
// every call and records nothing, so the answer of [From] needs no check.
type Operation struct {
	// Written for every shared item, so kept off the cache line of the rest.
	ok    atomic.Int64
	bytes atomic.Int64
	_     [48]byte

	// pulse counts the ticks of the reporter. Workers read it for every item.
	pulse atomic.Uint32
	_     [60]byte

	name, id string
	started  time.Time
	total    atomic.Int64
	workers  atomic.Int64

	totalBytes atomic.Int64
	byBytes    bool // what is measured is bytes, not items
	failures   failures
	retries    retries
	slowest    slowest
	loop       loopTime
	skips      skips
	history    string // the file of earlier runs; empty without
	joined     joined // what the operation is a part of
	crew       crew   // what is a part of the operation

	ctx    context.Context //nolint:containedctx // an operation is the span in this context, and nothing else is taken from it but Err
	span   trace.Span
	tracer trace.Tracer
	logger log.Logger
	book   *book
	report reporter

	mu       sync.Mutex // guards the fields below
	estimate estimator
	cpu      cpuUse
	stages   []*Stage

	chapter    atomic.Pointer[chapter] // nil in the first hour
	stageSpans atomic.Int64

	ending sync.Once
	final  atomic.Pointer[Snapshot]

	throttles atomic.Int64             // batches that the backend refused
	evidence  atomic.Pointer[evidence] // what the controller of a run knows; nil without one
}

// loopTime is where the timed items of a loop spent their time, in nanoseconds:
// in the source, and in the body.
type loopTime struct{ reading, working, timed atomic.Int64 }

// mean is the time of an item's body.
func (l *loopTime) mean() time.Duration {
	return time.Duration(l.working.Load() / max(l.timed.Load(), 1))
}

type contextKey struct{}

// Start begins an operation and returns a context that carries it and its span:
// spans started from that context become its children, and [From] finds it
// again. The name is a metric attribute, so it must be one of few, such as
// "import.users"; an empty one becomes "unnamed". Whoever calls Start must call
// [Operation.End].
func Start(ctx context.Context, name string, opts ...Option) (context.Context, *Operation) {
	c := newConfig(opts)
	if name == "" {
		name = "unnamed"
	}
	o := &Operation{
		name:    name,
		id:      fmt.Sprintf("%016x", rand.Uint64()),
		started: time.Now(),
		tracer:  c.providers.tracer(keys.ScopeBulk),
		logger:  c.providers.logger(keys.ScopeBulk),
	}
	o.total.Store(c.total)
	o.totalBytes.Store(c.totalBytes)
	o.byBytes, o.joined = c.byBytes, c.joined
	o.failures.reopen()
	o.estimate.start(o.started)
	o.estimate.past = o.recall(c.history)
	o.begin(ctx)
	o.book = operations.admit(o, c.providers.Meter)
	o.announce()
	o.report.start(o)
	return o.ctx, o
}

// From returns the operation that ctx carries, or nil, on which every method
// may be called all the same.
func From(ctx context.Context) *Operation {
	o, _ := ctx.Value(contextKey{}).(*Operation)
	return o
}

// OK counts one item that was processed.
func (o *Operation) OK() { o.Add(1) }

// Add counts n items that were processed. An n below zero is ignored.
func (o *Operation) Add(n int) {
	if o != nil && n > 0 {
		o.ok.Add(int64(n))
	}
}

// Bytes counts n bytes that were read or written. An n below zero is ignored.
func (o *Operation) Bytes(n int) {
	if o != nil && n > 0 {
		o.bytes.Add(int64(n))
	}
}

// Fail counts one item that could not be processed. The first three failures
// of each kind are reported as log events with attrs on them; say there which
// item it was. Later ones are only counted, by the type of the innermost error, so
// any number of errors is cheap.
func (o *Operation) Fail(err error, attrs ...attribute.KeyValue) {
	if o != nil && o.failures.count(err) {
		o.sample(err, attrs)
	}
}

// Skip counts one item that needed no processing. The reason must be one of
// few, such as "unchanged": after sixteen different ones the rest is counted
// together.
func (o *Operation) Skip(reason string) {
	if o != nil {
		o.skips.find(reason).n.Add(1)
	}
}

// SetTotal replaces the number of items expected. Below zero it is [Unknown].
func (o *Operation) SetTotal(n int64) {
	if o != nil {
		o.total.Store(max(n, Unknown))
	}
}

// AddTotal raises the number of items expected, from zero if it was unknown.
// Use it when the work is discovered on the way. An n below zero is ignored.
func (o *Operation) AddTotal(n int64) {
	if o == nil || n < 0 {
		return
	}
	for {
		old := o.total.Load()
		if o.total.CompareAndSwap(old, max(old, 0)+n) {
			return
		}
	}
}

// SetTotalBytes replaces the number of bytes expected, in an operation that has
// [TotalBytes] or is a [Stream]'s; in others it only stands beside the items.
// Below zero it is [Unknown].
func (o *Operation) SetTotalBytes(n int64) {
	if o != nil {
		o.totalBytes.Store(max(n, Unknown))
	}
}

// End finishes the operation; only the first call has an effect, and what is
// counted afterwards is ignored. A nil err, or one that points to nil, means
// completed; a canceled context among its causes means canceled; anything else
// means failed.
//
// Close all workers before. End does not wait for those still open: it tells how
// many they are and how many items may be missing, as a warning in the finished
// event and in the last [Snapshot].
//
// Call it as defer op.End(&err), straight from the defer statement: then a
// panic on its way through ends the operation as failed, and goes on with the
// same value. End cannot tell [runtime.Goexit] from a return.
func (o *Operation) End(err *error) {
	if v := recover(); v != nil {
		o.finish(Failed, panicError{v})
		panic(v)
	}
	if err == nil || *err == nil {
		o.finish(Completed, nil)
		return
	}
	o.finish(o.resultOf(*err), *err)
}

func (o *Operation) resultOf(err error) (r Result) {
	defer func() {
		if recover() != nil { // an error that is a nil pointer, for one
			r = Failed
		}
	}()
	switch {
	case o == nil:
		return Failed
	case errors.Is(err, context.Canceled):
		return Canceled
	case o.ctx.Err() != nil && errors.Is(err, o.ctx.Err()):
		return Canceled
	case o.ctx.Err() != nil && errors.Is(err, context.Cause(o.ctx)):
		return Canceled
	}
	return Failed
}

// finish ends the operation once. A second caller waits for the first.
func (o *Operation) finish(r Result, cause error) {
	if o == nil {
		return
	}
	o.ending.Do(func() {
		o.report.halt()
		s := operations.retire(o, r)
		o.conclude(s, cause)
	})
}

// counts is what was done by all processes, own what by this one.
func (o *Operation) counts() counts { return o.own().plus(o.crew.sum()) }

func (o *Operation) own() counts {
	return counts{
		ok:      o.ok.Load(),
		failed:  o.failures.types.total(),
		skipped: o.skips.total(),
		bytes:   o.bytes.Load(),
		retried: o.retries.total.Load(),
	}
}

// measure is what progress is told by: the items, or the bytes as if each were
// one. expected is the total of the same.
func (o *Operation) measure(c counts) counts {
	if o.byBytes {
		return counts{ok: c.bytes}
	}
	return c
}

func (o *Operation) expected() int64 {
	if o.byBytes {
		return o.totalBytes.Load()
	}
	return o.total.Load()
}

// counts is what an operation has done so far.
type counts struct{ ok, failed, skipped, bytes, retried int64 }

func (c counts) items() int64 { return c.ok + c.failed + c.skipped }

func (c counts) processed() int64 { return c.ok + c.failed }

func (c counts) minus(d counts) counts {
	return c.plus(counts{-d.ok, -d.failed, -d.skipped, -d.bytes, -d.retried})
}

func (c counts) plus(d counts) counts {
	return counts{c.ok + d.ok, c.failed + d.failed, c.skipped + d.skipped, c.bytes + d.bytes, c.retried + d.retried}
}

// panicError is a panic as the cause of a failed operation.
type panicError struct{ value any }

func (p panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }
