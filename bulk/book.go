package bulk

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// maxNames bounds what operation names can cost, for programs that put an id
// into them by mistake.
const maxNames = 256

// book keeps the metrics of one meter provider: what has ended is added up by
// operation name, what is running is read when metrics are collected, so
// counters are exact at that moment.
//
// Instruments and callbacks are never touched with mu held, because a
// collection holds the provider's lock while it waits for mu.
type book struct {
	// Guarded by the registry's opening.
	provider     metric.MeterProvider
	registration metric.Registration

	mu       sync.Mutex
	in       instruments
	accounts map[string]*account
}

// account is all operations of one name.
type account struct {
	name    string
	ended   counts
	stages  stageSums // of those that ended
	running map[*Operation]struct{}

	// Of those that ended, with a place for each type of those that run.
	failures, retries typeCounts

	throttles int64 // of those that ended

	labels, ok, failed, skipped metric.MeasurementOption
}

func newBook(mp metric.MeterProvider) *book {
	b := &book{accounts: make(map[string]*account)}
	b.attach(mp)
	return b
}

// attach moves the book to a provider.
func (b *book) attach(mp metric.MeterProvider) {
	if b.registration != nil {
		if err := b.registration.Unregister(); err != nil {
			otel.Handle(err)
		}
	}
	b.provider = mp
	meter := mp.Meter(keys.ScopeBulk)
	in, err := newInstruments(meter)
	b.mu.Lock()
	b.in = in
	b.mu.Unlock()
	reg, rerr := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		b.observe(in, to)
		return nil
	}, in.items, in.failures, in.retries, in.io, in.stageTime, in.active, in.usage, in.progress, in.throughput, in.eta, in.idle, in.throttles, in.limit, in.batch)
	if err := errors.Join(err, rerr); err != nil {
		otel.Handle(err)
	}
	b.registration = reg
}

func (b *book) admit(o *Operation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.account(o.name).running[o] = struct{}{}
}

// retire moves an operation from the running to the ended. last takes its final
// state; no collection can come between that and the move.
func (b *book) retire(o *Operation, last func() Snapshot) Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := last()
	a := b.account(o.name)
	delete(a.running, o)
	a.throttles += o.throttles.Load()
	a.ended = a.ended.plus(s.counts().minus(s.merged))
	for _, st := range s.Stages {
		addStage(a.stages, st)
	}
	a.sort(a.failures, a.retries, s)
	return s
}

// record takes the duration of an ended operation.
func (b *book) record(ctx context.Context, s Snapshot) {
	b.mu.Lock()
	duration, name := b.in.duration, b.account(s.Name).name
	b.mu.Unlock()
	duration.Record(ctx, s.Elapsed.Seconds(), metric.WithAttributes(
		attribute.String(keys.BulkOperationName, name),
		attribute.String(keys.BulkOperationResult, string(s.Result))))
}

// account finds the account of a name. The caller holds mu.
func (b *book) account(name string) *account {
	a := b.accounts[name]
	if a == nil && len(b.accounts) >= maxNames {
		name = other
		a = b.accounts[name]
	}
	if a == nil {
		a = newAccount(name)
		b.accounts[name] = a
	}
	return a
}

func newAccount(name string) *account {
	label := attribute.String(keys.BulkOperationName, name)
	outcome := func(o string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(label, attribute.String(keys.BulkItemOutcome, o)))
	}
	return &account{
		name:     name,
		stages:   make(stageSums),
		failures: make(typeCounts),
		retries:  make(typeCounts),
		running:  make(map[*Operation]struct{}),
		labels:   metric.WithAttributeSet(attribute.NewSet(label)),
		ok:       outcome("ok"), failed: outcome("failed"), skipped: outcome("skipped"),
	}
}

func (b *book) observe(in instruments, to metric.Observer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for _, a := range b.accounts {
		a.observe(in, to, now)
	}
}

func (a *account) observe(in instruments, to metric.Observer, now time.Time) {
	t := a.tally(now)
	to.ObserveInt64(in.items, t.done.ok, a.ok)
	to.ObserveInt64(in.items, t.done.failed, a.failed)
	to.ObserveInt64(in.items, t.done.skipped, a.skipped)
	to.ObserveInt64(in.io, t.done.bytes, a.labels)
	if t.throttles > 0 {
		to.ObserveInt64(in.throttles, t.throttles, a.labels)
	}
	to.ObserveInt64(in.active, int64(len(a.running)), a.labels)
	for name, spent := range t.stages {
		for i, d := range spent {
			if i == busy || d > 0 {
				to.ObserveFloat64(in.stageTime, d.Seconds(), a.labels, metric.WithAttributes(
					attribute.String(keys.BulkStageName, name), attribute.String(keys.BulkStageState, stateName(i))))
			}
		}
	}
	for typ, n := range t.failures {
		to.ObserveInt64(in.failures, n, a.labels, metric.WithAttributes(attribute.String(keys.ErrorType, typ)))
	}
	for typ, n := range t.retries {
		to.ObserveInt64(in.retries, n, a.labels, metric.WithAttributes(attribute.String(keys.ErrorType, typ)))
	}
	if len(a.running) == 0 {
		return // gauges vanish with the last operation
	}
	to.ObserveInt64(in.usage, t.workers, a.labels)
	if t.limit > 0 {
		to.ObserveInt64(in.limit, t.limit, a.labels)
		to.ObserveInt64(in.batch, t.batch, a.labels)
	}
	to.ObserveFloat64(in.throughput, t.rate, a.labels)
	to.ObserveFloat64(in.idle, t.idle.Seconds(), a.labels)
	if t.expected > 0 {
		to.ObserveFloat64(in.progress, float64(t.reached)/float64(t.expected), a.labels)
	}
	if t.eta >= 0 {
		to.ObserveFloat64(in.eta, t.eta.Seconds(), a.labels)
	}
}

// tally is all operations of one name taken together.
type tally struct {
	done              counts
	stages            stageSums
	failures, retries typeCounts
	workers           int64
	rate              float64
	limit, batch      int64 // 0 where nothing is controlled
	throttles         int64
	expected, reached int64         // items or bytes of the operations whose total is known
	eta               time.Duration // of the one that takes longest
	idle              time.Duration // of the one that is idle for longest
}

func (a *account) tally(now time.Time) tally {
	t := tally{
		done: a.ended, stages: maps.Clone(a.stages), eta: Unknown, throttles: a.throttles,
		failures: maps.Clone(a.failures), retries: maps.Clone(a.retries),
	}
	for o := range a.running {
		s := o.look(now)
		t.done = t.done.plus(s.counts().minus(s.merged))
		t.workers += int64(s.Workers)
		t.throttles += o.throttles.Load()
		if e := o.evidence.Load(); e != nil {
			t.limit += int64(e.limit)
			t.batch = max(t.batch, int64(e.batch))
		}
		t.rate += s.Rate
		t.eta, t.idle = max(t.eta, s.ETA), max(t.idle, s.Idle)
		if e := o.expected(); e >= 0 {
			t.expected += e
			t.reached += min(o.measure(s.counts()).items(), e)
		}
		for _, st := range s.Stages {
			addStage(t.stages, st)
		}
		a.sort(t.failures, t.retries, s)
	}
	return t
}

// sort adds the failures and retries of an operation to sums, each type in the
// place that it has in the account for good.
func (a *account) sort(failures, retries typeCounts, s Snapshot) {
	for _, f := range s.FailureTypes {
		failures[a.failures.place(f.Type)] += f.Items
	}
	for _, r := range s.Retries {
		retries[a.retries.place(r.Type)] += r.Items
	}
}

// stageSums is the time spent in stages, by state.
type stageSums map[string][states]time.Duration

func addStage(stages stageSums, st StageTime) {
	name := st.Name
	if _, known := stages[name]; !known && len(stages) >= maxStages {
		name = other
	}
	sum := stages[name]
	for i, d := range st.states() {
		sum[i] += d
	}
	stages[name] = sum
}
