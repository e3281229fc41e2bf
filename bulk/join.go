package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// These bound what an operation remembers of workers in other processes: 7 KiB.
const (
	maxTours  = 64
	maxWorker = 40 // bytes of a name; a longer one is told apart by its hash
)

// ErrTooManyWorkers is returned by [Operation.Merge] for a worker beyond the 64
// that an operation can tell apart, counting each start of one anew.
var ErrTooManyWorkers = errors.New("too many workers to tell apart")

// Share is what one worker process has done of an operation: all of it since
// the worker joined, not what came since the last time. It is small and may be
// sent as JSON, by whatever way the processes talk.
type Share struct {
	Operation string `json:"operation"` // the id of the operation joined
	Worker    string `json:"worker"`    // the name given to Join
	Epoch     int64  `json:"epoch"`     // when it joined, in Unix nanoseconds: different after a restart
	OK        int64  `json:"ok"`
	Failed    int64  `json:"failed"`
	Skipped   int64  `json:"skipped"`
	Retried   int64  `json:"retried"`
	Bytes     int64  `json:"bytes"`
}

func (s Share) counts() counts { return counts{s.OK, s.Failed, s.Skipped, s.Bytes, s.Retried} }

// Invite returns a context that carries, besides the trace, which operation it
// is, as baggage. Inject it with a propagator into what starts or feeds a worker
// in another process, which calls [Join]. Use it for nothing else: baggage goes
// with every request.
func (o *Operation) Invite(ctx context.Context) context.Context {
	if o == nil {
		return ctx
	}
	id, err := baggage.NewMember(keys.BulkOperationID, o.id)
	if err != nil {
		return ctx
	}
	b, err := baggage.FromContext(ctx).SetMember(id)
	if err != nil {
		return ctx
	}
	return baggage.ContextWithBaggage(trace.ContextWithSpan(ctx, o.span), b)
}

// Join starts the part of an operation that this process does, under the
// operation's name and in a trace of its own, with one link to the operation:
// ten thousand workers below one span would be a trace that no backend shows. ctx
// holds what was extracted from the invitation; without one, Join is [Start].
// The worker is named by one of few names that stay the same when it is started
// again, such as that of its host. Whoever calls Join must call
// [Operation.End].
//
// The items are counted here, as metrics of this process. Send
// [Operation.Share] to where the operation was started, for it to know the
// whole.
func Join(ctx context.Context, name, worker string, opts ...Option) (context.Context, *Operation) {
	j := joined{worker: shorten(worker)}
	j.operation = truncate(baggage.FromContext(ctx).Member(keys.BulkOperationID).Value(), maxNameLength)
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		j.link = []trace.Link{{SpanContext: sc, Attributes: []attribute.KeyValue{attribute.String(keys.BulkOperationID, j.operation)}}}
	}
	return Start(trace.ContextWithSpanContext(ctx, trace.SpanContext{}), name, append(opts, j)...)
}

// joined is the [Option] of an operation that is a part of another.
type joined struct {
	operation, worker string
	link              []trace.Link
}

func (j joined) apply(c *config) { c.joined = j }

// Share returns what was done in this process so far. Call it as often as you
// like, and once more after [Operation.End].
func (o *Operation) Share() Share {
	if o == nil {
		return Share{}
	}
	snap := o.Snapshot()
	return newShare(o.joined.operation, o.joined.worker, o.started.UnixNano(), snap.counts().minus(snap.merged))
}

// Merge takes in what a worker in another process has done. The same share may
// come twice, late, or after a younger one: of each worker and epoch the largest
// numbers hold, so the sum over workers and restarts is exact. The items show in
// the [Snapshot], the spans and the events of this operation, but not in its
// metrics, as the worker's process has them in its own.
//
// A share of another operation and one that is negative are refused, as is a new
// worker when there are 64 ([ErrTooManyWorkers]).
func (o *Operation) Merge(s Share) error {
	switch {
	case o == nil:
		return nil
	case s.Operation != o.id:
		return fmt.Errorf("merge a share of %q: not of operation %s", truncate(s.Operation, maxNameLength), o.id)
	case min(s.OK, s.Failed, s.Skipped, s.Retried, s.Bytes) < 0:
		return fmt.Errorf("merge the share of %q: a count is negative", truncate(s.Worker, maxNameLength))
	}
	return o.crew.merge(s)
}

// Shares returns what was merged, by worker and epoch. Keep it with a checkpoint
// and merge it again after a restart of this process, with [Share.Operation] set
// to the new operation's id.
func (o *Operation) Shares() []Share {
	if o == nil {
		return nil
	}
	o.crew.mu.Lock()
	defer o.crew.mu.Unlock()
	list := make([]Share, 0, len(o.crew.tours))
	for _, t := range o.crew.tours {
		list = append(list, newShare(o.id, t.worker, t.epoch, t.counts))
	}
	return list
}

func newShare(operation, worker string, epoch int64, c counts) Share {
	return Share{
		Operation: operation, Worker: worker, Epoch: epoch,
		OK: c.ok, Failed: c.failed, Skipped: c.skipped, Retried: c.retried, Bytes: c.bytes,
	}
}

// crew is the workers in other processes.
type crew struct {
	mu    sync.Mutex
	tours []tour // sorted by worker and epoch
}

// tour is one worker from one start of it to the next.
type tour struct {
	worker string
	epoch  int64
	counts
}

func (c *crew) merge(s Share) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := tour{strings.Clone(shorten(s.Worker)), s.Epoch, s.counts()}
	at, found := slices.BinarySearchFunc(c.tours, t, func(a, b tour) int {
		return cmp.Or(cmp.Compare(a.worker, b.worker), cmp.Compare(a.epoch, b.epoch))
	})
	if !found {
		if len(c.tours) >= maxTours {
			return fmt.Errorf("merge the share of %q: %w", t.worker, ErrTooManyWorkers)
		}
		c.tours = slices.Insert(c.tours, at, t)
		return nil
	}
	c.tours[at].counts = c.tours[at].atLeast(t.counts)
	return nil
}

func (c counts) atLeast(d counts) counts {
	return counts{max(c.ok, d.ok), max(c.failed, d.failed), max(c.skipped, d.skipped), max(c.bytes, d.bytes), max(c.retried, d.retried)}
}

func (c *crew) sum() (all counts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tours {
		all = all.plus(t.counts)
	}
	return all
}

// shorten bounds a name without making two of them the same.
func shorten(worker string) string {
	if len(worker) <= maxWorker {
		return worker
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, worker) // it never fails
	return fmt.Sprintf("%s-%016x", truncate(worker, maxWorker-17), h.Sum64())
}
