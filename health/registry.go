package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// DefaultConcurrency is what zero [Options.Concurrency] means.
const DefaultConcurrency = 64

// Options configure a [Registry]. The zero value works.
type Options struct {
	// Concurrency bounds the executions at one time; further ones wait for
	// their turn. A hung one doesn't count. Zero means 64.
	Concurrency int

	// The providers that spans, metrics and log records go to. Nil means the
	// global one, also if that is set after New.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	LoggerProvider log.LoggerProvider
}

func (o Options) withDefaults() Options {
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	if o.LoggerProvider == nil {
		o.LoggerProvider = otel.GetLoggerProvider()
	}
	return o
}

func (o Options) validate() error {
	if o.Concurrency < 0 {
		return fmt.Errorf("health: Options.Concurrency %d is negative", o.Concurrency)
	}
	return nil
}

// A Registry runs checks and knows their results. Create it with [New]; all its
// methods may be called at any time, from any goroutine.
type Registry struct {
	telemetry telemetry
	limit     int
	random    func() float64
	wake      chan struct{}
	idle      chan struct{} // closed when stopped with nothing left running

	entries atomic.Pointer[[]*entry] // by name; replaced as a whole, so that readers need no lock

	mu      sync.Mutex // guards what follows, and every entry and run but entry.latest
	phase   phase
	faults  []error // of the options and of Register, told by Start
	stop    context.CancelFunc
	agenda  agenda
	running int // executions that hold a slot
	active  int // goroutines that Shutdown waits for
}

type phase uint8

const (
	fresh phase = iota
	started
	stopped
)

// New returns a registry without checks. Its metrics are observed from now on,
// until [Registry.Shutdown]. A fault of the options is returned by
// [Registry.Start].
func New(o Options) *Registry {
	var faults []error
	if err := o.validate(); err != nil {
		faults = append(faults, err)
	}
	o = o.withDefaults()
	r := &Registry{
		faults: faults,
		limit:  o.Concurrency,
		random: rand.Float64,
		wake:   make(chan struct{}, 1),
		idle:   make(chan struct{}),
	}
	r.entries.Store(new([]*entry))
	r.telemetry = newTelemetry(o, r.readings)
	return r
}

// Register adds a check, before or after Start. It returns every fault of the
// check at once, and refuses a name that is taken and an external check for
// liveness. Until its first result the check is unknown.
//
// The error may be ignored before Start, which returns it again.
func (r *Registry) Register(c Check) error {
	c = c.withDefaults()
	fault := c.validate()
	r.mu.Lock()
	defer r.mu.Unlock()
	if fault == nil {
		fault = r.add(c)
	}
	if fault != nil && r.phase == fresh {
		r.faults = append(r.faults, fault)
	}
	return fault
}

// add puts a sound check into the list. The caller holds r.mu.
func (r *Registry) add(c Check) error {
	if r.phase == stopped {
		return fmt.Errorf("health: check %q: the registry has been shut down", c.Name)
	}
	list := *r.entries.Load()
	at, taken := slices.BinarySearchFunc(list, c.Name, byName)
	if taken {
		return fmt.Errorf("health: check %q: the name is taken", c.Name)
	}
	e := newEntry(c, time.Now())
	list = slices.Insert(slices.Clone(list), at, e)
	r.entries.Store(&list)
	if r.phase == started {
		r.plan(e, time.Now())
		r.nudge()
	}
	return nil
}

// Unregister removes the check of that name and reports whether there was one.
// Its series end with the next collection. A running execution is told to stop
// through its context and its result is dropped; Unregister does not wait for
// it, Shutdown does.
func (r *Registry) Unregister(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := *r.entries.Load()
	at, found := slices.BinarySearchFunc(list, name, byName)
	if !found {
		return false
	}
	e := list[at]
	list = slices.Delete(slices.Clone(list), at, at+1)
	r.entries.Store(&list)
	r.forget(e)
	return true
}

// Start begins to run the checks and returns at once. When ctx ends, they stop
// as with Shutdown; the values of ctx reach the checks.
//
// Start fails if it was called before, after Shutdown, and if the options were
// faulty or an earlier Register failed: then it returns all these faults, joined,
// and nothing runs, for a service must not pass for sound because the check that
// would say otherwise is missing. A new Registry is needed after such a fault.
func (r *Registry) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.faults) > 0:
		return errors.Join(r.faults...)
	case r.phase == started:
		return errors.New("health: started already")
	case r.phase == stopped:
		return errors.New("health: the registry has been shut down")
	}
	r.phase = started
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{}) // executions are roots
	ctx, r.stop = context.WithCancel(ctx)
	for _, e := range *r.entries.Load() {
		r.plan(e, time.Now())
	}
	r.active++
	go r.schedule(ctx)
	return nil
}

// Shutdown stops the checks, ends the series, and waits for everything that the
// registry started. From then on every check is unknown, with ReasonStopped.
//
// When ctx ends first, the error names the checks that still run: Go can't kill
// a function that ignores its context, so its goroutine stays until it returns.
// Shutdown may be called again to wait further, before Start, and more than
// once. A check that calls it waits for itself, that is until ctx ends.
func (r *Registry) Shutdown(ctx context.Context) error {
	r.halt()
	select {
	case <-r.idle:
		return nil
	default:
	}
	select {
	case <-r.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("health: shutdown: still running: %s: %w", r.laggards(), context.Cause(ctx))
	}
}

// halt ends scheduling for good.
func (r *Registry) halt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == stopped {
		return
	}
	r.phase = stopped
	if r.stop != nil {
		r.stop()
	}
	now := time.Now()
	for _, e := range *r.entries.Load() {
		e.latest.Store(e.latest.Load().stopped(now))
	}
	r.active++
	go func() {
		defer r.retire()
		r.telemetry.unregister() // waits for a collection, and so for other people's callbacks
	}()
}

// retire counts one goroutine out.
func (r *Registry) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave()
}

func (r *Registry) leave() {
	if r.active--; r.active == 0 && r.phase == stopped {
		close(r.idle)
	}
}

// laggards names what Shutdown is waiting for.
func (r *Registry) laggards() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, e := range *r.entries.Load() {
		if e.run != nil {
			names = append(names, e.check.Name)
		}
	}
	if len(names) == 0 {
		return "removed checks or telemetry"
	}
	return strings.Join(names, ", ")
}

// Report returns what is known now. It waits for nothing: neither for a check
// nor for a lock.
func (r *Registry) Report() Report {
	_, results := r.readings()
	report := Report{Time: time.Now(), State: overall(results), Results: make([]Result, len(results))}
	for i, result := range results {
		report.Results[i] = *result
	}
	return report
}

// readings returns the entries and, at the same index, their results as of now.
func (r *Registry) readings() ([]*entry, []*Result) {
	entries, now := *r.entries.Load(), time.Now()
	results := make([]*Result, len(entries))
	for i, e := range entries {
		results[i] = e.latest.Load().at(now)
	}
	return entries, results
}

func byName(e *entry, name string) int { return strings.Compare(e.check.Name, name) }
