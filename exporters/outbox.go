package exporters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters/spool"
	"github.com/otelmon/otelmon-go/internal/files"
	"github.com/otelmon/otelmon-go/internal/sanitize"
)

// Destination is a backend that telemetry is delivered to.
type Destination struct {
	// Name tells destinations apart, in the ledger and, across restarts, on the
	// disk. Empty means "default".
	Name string
	// Traces, Metrics and Logs say where the signal goes. nil means nowhere.
	Traces, Metrics, Logs *Endpoint
	// Backfill sends a destination that was never seen before all that the
	// directory still holds, see [Options.Retain]. Otherwise it begins with what
	// is made from now on.
	Backfill bool
}

// To returns a destination for all three signals.
func To(e Endpoint) Destination { return Destination{Traces: &e, Metrics: &e, Logs: &e} }

func (d Destination) endpoint(s Signal) *Endpoint {
	return [...]*Endpoint{d.Traces, d.Metrics, d.Logs}[s]
}

// Options configures an [Outbox]. Only Destinations must be given.
type Options struct {
	// Destinations is where telemetry goes: at least one, at most eight.
	Destinations []Destination

	// Dir is a directory for this process alone, in which telemetry waits until
	// every destination has taken it. It is created, for the user alone. Empty
	// means that telemetry waits in memory, up to MaxMemory.
	// While its disk is full, over a quota, read-only or broken, also from the
	// beginning, telemetry waits in memory, and the disk is tried again every ten
	// seconds. Any other fault of the directory is an error of [Open].
	Dir string
	// MaxBytes, MaxAge, MinFree, Retain and Sync are those of [spool.Options].
	MaxBytes int64
	MaxAge   time.Duration
	MinFree  int64
	Retain   time.Duration
	Sync     time.Duration
	// MaxMemory is how many bytes may wait in memory, without a directory or
	// while its disk fails; the newest request of each signal may go beyond. 0
	// means 32 MiB.
	MaxMemory int64

	// Spans and Records say how spans and log records are gathered into requests.
	Spans, Records Batching
	// EachSpan writes a span to the directory before its End returns, so that
	// not even a kill loses one that has ended. That costs the goroutine that ends
	// the span some 15 µs, many times the span itself.
	EachSpan bool

	// RedactKeys are further attributes whose values are secret, besides those
	// that SECURITY.md names. With AllowKeys only the values of these attributes,
	// and of those that say which program it is, are sent.
	RedactKeys, AllowKeys []string
	// MaxValue is the most bytes of one attribute's value or of a log record's
	// body; the rest is cut, with a mark. 0 means 16 KiB.
	MaxValue int

	// Temporality and Aggregation are those of the metrics. nil means cumulative
	// and the SDK's default.
	Temporality sdkmetric.TemporalitySelector
	Aggregation sdkmetric.AggregationSelector

	// Report is told of trouble that nobody waits for, at any time and from any
	// goroutine. nil means [otel.Handle].
	Report func(error)

	wrap func(files.Open) files.Open // tests let the disk fail by it
}

// maxRequest is the largest request that is made, in bytes: receivers over gRPC
// take 4 MiB unless told otherwise.
const maxRequest = 7 << 19

const (
	defaultMemory      = 32 << 20
	defaultDestination = "default"
	closeTimeout       = 5 * time.Second // of a Close whose context has no deadline
	wrapUp             = time.Second     // at most, of what a Close does after the delivery
)

// withDefaults reports every fault at once. What an endpoint is wrong in, its
// sender says.
func (o Options) withDefaults() (Options, error) {
	var faults []error
	if n := len(o.Destinations); n == 0 || n > maxDestinations {
		faults = append(faults, fmt.Errorf("%d destinations; give one to %d", n, maxDestinations))
	}
	if o.MaxMemory < 0 {
		faults = append(faults, fmt.Errorf("memory limit of %d bytes is negative; leave MaxMemory 0 for %d", o.MaxMemory, defaultMemory))
	}
	if o.MaxValue < 0 {
		faults = append(faults, fmt.Errorf("limit of %d bytes for a value is negative; leave MaxValue 0 for 16 KiB", o.MaxValue))
	}
	o.MaxValue = min(o.MaxValue, maxRequest)
	faults = append(faults, o.Spans.check(Traces), o.Records.check(Logs))
	if o.EachSpan && o.Dir == "" {
		faults = append(faults, errors.New("EachSpan needs a directory; set Dir"))
	}
	o.Destinations = slices.Clone(o.Destinations)
	seen := map[string]bool{}
	for i := range o.Destinations {
		d := &o.Destinations[i]
		d.Name = cmp.Or(d.Name, defaultDestination)
		if seen[d.Name] {
			faults = append(faults, fmt.Errorf("two destinations are named %.100q; name each differently", d.Name))
		}
		seen[d.Name] = true
	}
	o.MaxMemory = cmp.Or(o.MaxMemory, defaultMemory)
	if o.Temporality == nil {
		o.Temporality = sdkmetric.CumulativeTemporalitySelector
	}
	if o.Aggregation == nil {
		o.Aggregation = sdkmetric.DefaultAggregationSelector
	}
	if o.Report == nil {
		o.Report = otel.Handle
	}
	return o, errors.Join(faults...)
}

// Outbox keeps telemetry until every destination has taken it, and counts what
// becomes of each item. Its methods are safe for concurrent use.
type Outbox struct {
	options    Options
	ledger     *ledger
	encoder    *encoder
	buffers    sync.Pool            // *[]byte
	disk       atomic.Pointer[disk] // nil without a directory, and until it can be used
	ring       *ring
	to         []*destination
	clean      [signals]*sanitizer
	newest     [signals]atomic.Uint32 // the lane that is put to
	refused    quarantine
	unfinished atomic.Pointer[unfinished] // as disk
	spans      *batch[sdktrace.ReadOnlySpan]
	records    *batch[sdklog.Record]

	gate    gate          // of all that makes telemetry
	keeping chan struct{} // taken while a collection of metrics is being kept
	mu      sync.Mutex
	early   []loss                    // found in the directory before its ledger was open
	fault   atomic.Pointer[diskFault] // nil while the disk is written to
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	closed  chan struct{}
	ending  atomic.Bool
	stuck   atomic.Bool // a Close has given the disk up
	result  error       // of Close
}

// Open returns an outbox that delivers from now on, also what an earlier process
// left in the directory. It dials nothing yet. The error joins every fault, each
// with what to change. The caller closes the outbox, after the providers that
// write to it.
func Open(ctx context.Context, o Options) (*Outbox, error) {
	o, faults := o.withDefaults()
	b := &Outbox{options: o, gate: newGate(), keeping: make(chan struct{}, 1), closed: make(chan struct{})}
	for i, d := range o.Destinations {
		to, err := b.newDestination(i, d)
		if err != nil {
			faults = errors.Join(faults, err)
		}
		b.to = append(b.to, to)
	}
	if faults != nil {
		return nil, faults
	}
	var err error
	if b.encoder, err = newEncoder(ctx, o.Temporality, o.Aggregation); err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	rules := sanitize.New(sanitize.Options{Keys: o.RedactKeys, Allow: o.AllowKeys, MaxValue: o.MaxValue})
	for s := range b.clean {
		b.clean[s] = newSanitizer(rules)
	}
	for s := range b.newest {
		b.newest[s].Store(uint32(s)) //nolint:gosec // below lanes
	}
	b.ring = newRing(o.MaxMemory, len(b.to), b.lose)
	b.ledger = newLedger()
	for _, d := range b.to {
		d.account = b.ledger.account(d.name)
	}
	if o.Dir != "" {
		if err := b.moveIn(); spool.MayPass(err) {
			b.diskFailed(err)
		} else if err != nil {
			return nil, err
		}
	}
	b.spans = newBatch(Traces, o.Spans, b.created(Traces), b.loseAll, b.encodeSpans)
	b.records = newBatch(Logs, o.Records, b.created(Logs), b.loseAll, b.encodeRecords)
	var work context.Context
	work, b.cancel = context.WithCancel(context.Background())
	for _, from := range b.stores() {
		b.drain(work, from)
	}
	if o.Dir != "" && b.disk.Load() == nil {
		b.tasks.Go(func() { b.moveInLater(work) })
	}
	return b, nil
}

func (b *Outbox) drain(ctx context.Context, from store) {
	for _, d := range b.to {
		for _, out := range d.outlets {
			for _, l := range out.signal.lanes() {
				b.tasks.Go(func() { out.drain(ctx, from, l) })
			}
		}
	}
}

// created is asked again for each item, as the numbers move into the directory.
func (b *Outbox) created(s Signal) func() *atomic.Int64 {
	return func() *atomic.Int64 { return b.ledger.created(s) }
}

func (b *Outbox) release() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger.close()
}

func (b *Outbox) stores() []store {
	if d := b.disk.Load(); d != nil && !b.stuck.Load() {
		return []store{d, b.ring}
	}
	return []store{b.ring}
}

// loss is what a store had to let go.
type loss struct {
	destination int
	signal      Signal
	reason      Reason
	items       int64
}

// lose books a loss.
func (b *Outbox) lose(destination int, s Signal, r Reason, items int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to[destination].account.dropped(s, r).Add(items)
}

// loseAll books what came to no destination.
func (b *Outbox) loseAll(s Signal, r Reason, items int64) {
	for _, d := range b.to {
		d.account.dropped(s, r).Add(items)
	}
}

// keep puts a copy of an encoded request where it waits. What is too large for a
// receiver is cut.
func (b *Outbox) keep(s Signal, items int, body []byte) {
	switch {
	case len(body) <= maxRequest:
	case items == 1:
		b.loseAll(s, TooLarge, 1)
		b.options.Report(fmt.Errorf("one of the %s is larger than the %d bytes that receivers take", s.items(), maxRequest))
		return
	default:
		front, back, err := split(s, body, items/2)
		if err != nil {
			b.loseAll(s, Unencodable, int64(items))
			b.options.Report(fmt.Errorf("cut a request of %d %s: %w", items, s.items(), err))
			return
		}
		b.keep(s, items/2, front)
		b.keep(s, items-items/2, back)
		return
	}
	p := parcel{items: int64(items), made: time.Now(), body: body}
	if b.isFailing() {
		buf := b.buffer()
		defer b.reuse(buf)
		*buf = squeeze(*buf, body)
		p.body, p.squeezed = *buf, true
	}
	to := lane(b.newest[s].Load())
	if d := b.disk.Load(); d != nil && b.diskIsBack() {
		err := d.put(to, p)
		if err == nil {
			b.diskWorks()
			return
		}
		b.diskFailed(err)
	}
	_ = b.ring.put(to, p) // never fails
}

// divert has what is made from now on wait in the other lane, before which there
// is nothing to replay. A destination that is away gets both later.
func (b *Outbox) divert(from lane) {
	to := from.other()
	for _, d := range b.to {
		if d.outlets[from.signal()].isDown() {
			continue
		}
		for _, in := range b.stores() {
			if in.backlog(d.index, to).parcels > 0 {
				return // a replay of it has not ended
			}
		}
	}
	b.newest[from.signal()].CompareAndSwap(uint32(from), uint32(to))
}

// isFailing reports that some backend is away, so that what is made is going to
// wait and better takes little room.
func (b *Outbox) isFailing() bool {
	for _, d := range b.to {
		for _, o := range d.outlets {
			if o.isDown() {
				return true
			}
		}
	}
	return false
}

// Flush waits until everything made so far is delivered. It returns at the first
// attempt that fails, with the cause; what is left is delivered later.
func (b *Outbox) Flush(ctx context.Context) error {
	return errors.Join(b.flush(ctx, Traces), b.flush(ctx, Logs), b.flush(ctx, Metrics))
}

func (b *Outbox) flush(ctx context.Context, s Signal) error {
	if err := b.encoded(ctx, s); err != nil {
		return err
	}
	return b.drained(ctx, s, false)
}

// encoded waits until nothing of a signal is left in its queue.
func (b *Outbox) encoded(ctx context.Context, s Signal) error {
	switch s {
	case Traces:
		return b.spans.flush(ctx)
	case Logs:
		return b.records.flush(ctx)
	}
	return nil
}

// drained waits until what waits now is settled at every destination.
func (b *Outbox) drained(ctx context.Context, s Signal, patient bool) error {
	return unlessStuck(ctx, wrapUp, func() error {
		var faults []error
		for _, d := range b.to {
			faults = append(faults, d.outlets[s].drained(ctx, b.stores(), patient))
		}
		return errors.Join(faults...)
	})
}

// Close delivers what is left until ctx is done, or for 5 s if it has no
// deadline. What is left then waits in the directory for the next process;
// without a directory it is lost. If the disk hangs, Close gives up at ctx's
// deadline, or after a second if that is nearer, and leaves a goroutine behind.
// The error says what was lost since Open, and to whom. Further calls return the same.
func (b *Outbox) Close(ctx context.Context) error {
	if !b.ending.CompareAndSwap(false, true) {
		select {
		case <-b.closed:
			return b.result
		case <-ctx.Done():
			return fmt.Errorf("an earlier close has not ended: %w", context.Cause(ctx))
		}
	}
	defer close(b.closed)
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, closeTimeout)
		defer cancel()
	}
	b.result = b.closeBy(ctx)
	return b.result
}

// closeBy is close, and gives up if the disk hangs: what nothing can interrupt
// goes on alone then. The last of the time is for what comes after the delivery.
func (b *Outbox) closeBy(ctx context.Context) error {
	end, _ := ctx.Deadline()
	left := time.Until(end)
	deliver, cancel := context.WithDeadline(ctx, end.Add(-min(wrapUp, left/4)))
	defer cancel()
	err := unlessStuck(ctx, wrapUp-left, func() error { return b.close(deliver) })
	if errors.Is(err, errHangs) {
		return errors.Join(err, b.giveUp())
	}
	return err
}

// unlessStuck calls do, and does not wait for it longer than ctx and a moment: a
// disk may hang. One that is canceled has had no time to end before.
func unlessStuck(ctx context.Context, moment time.Duration, do func() error) error {
	late, stop := overdue(ctx, moment)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	select {
	case err := <-ended:
		return err
	case <-late:
		return errHangs
	}
}

// overdue is closed a moment after ctx, unless it is stopped before ctx ends.
func overdue(ctx context.Context, moment time.Duration) (late <-chan struct{}, stop func() bool) {
	passed := make(chan struct{})
	return passed, context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			moment = wrapUp
		}
		time.AfterFunc(moment, func() { close(passed) })
	})
}

// giveUp tells what may be lost. Of the disk, which hangs, nothing is asked.
func (b *Outbox) giveUp() error {
	b.stuck.Store(true)
	b.cancel()
	var fault error
	for _, d := range b.to {
		for _, o := range d.outlets {
			if n := d.account.open(o.signal); o.sender != nil && n > 0 {
				fault = errors.Join(fault, fmt.Errorf("%d %s not delivered to %s, and perhaps not in the directory", n, o.signal.items(), o.sender.endpoint.address()))
			}
			fault = errors.Join(fault, o.losses())
		}
	}
	return fault
}

var errHangs = errors.New("the disk of the directory hangs")

func (b *Outbox) close(ctx context.Context) error {
	// However little time is left, what waits to be encoded has to get to where it
	// is kept, which takes milliseconds.
	encoding := context.WithoutCancel(ctx)
	fault := errors.Join(b.spans.end(encoding), b.records.end(encoding))
	for s := range Signal(signals) {
		_ = b.drained(ctx, s, true) // what it left is told below
	}
	b.gate.shut()
	b.cancel()
	b.tasks.Wait()
	if d := b.disk.Load(); d != nil {
		fault = errors.Join(fault, d.log.Close()) // which may still tell of losses
	}
	for _, d := range b.to {
		for _, o := range d.outlets {
			b.abandon(o)
			fault = errors.Join(fault, o.losses())
		}
	}
	return errors.Join(fault, b.release())
}

// abandon books what is left of a signal and will not be in the directory.
func (b *Outbox) abandon(o *outlet) {
	left := o.to.account.open(o.signal)
	if d := b.disk.Load(); d != nil {
		left -= waiting(o.to.index, o.signal, d).items
	}
	if o.sender == nil {
		o.to.account.before(o.signal).Add(max(left, 0)) // never its business
		return
	}
	o.to.account.dropped(o.signal, Abandoned).Add(max(left, 0))
	o.sender.close()
}

// enter reports whether telemetry is still taken. If it is, the caller leaves
// the gate when it is done; if not, the items are counted as lost.
func (b *Outbox) enter(s Signal, items int) bool {
	if b.gate.enter() {
		return true
	}
	b.mu.Lock() // the ledger is about to close, or has closed
	defer b.mu.Unlock()
	b.ledger.created(s).Add(int64(items))
	b.loseAll(s, Abandoned, int64(items))
	return false
}
