package health

import (
	"cmp"
	"context"
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
	made      time.Time // with a monotonic reading, so that lag is none of the wall clock's steps
	limit     int
	random    func() float64
	wake      chan struct{}
	idle      chan struct{} // closed when stopped with nothing left running

	// What readers use, for they take no lock.
	entries  atomic.Pointer[[]*entry] // by name; replaced as a whole
	version  atomic.Uint64            // of everything that a summary depends on
	known    atomic.Pointer[summary]
	windows  atomic.Pointer[[]*window] // replaced as a whole
	draining atomic.Bool
	nextDue  atomic.Int64 // when the agenda's first is, in nanoseconds since made; 0: never

	mu      sync.Mutex // guards what follows, and every entry and run but entry.latest and .traffic
	phase   phase
	faults  []error // of the options and of Register, told by Start
	stop    context.CancelFunc
	agenda  agenda
	running int           // executions that hold a slot
	active  int           // goroutines that Shutdown waits for
	news    chan struct{} // closed and replaced by changed
	opened  time.Time     // the last autopsy
	reopen  *time.Timer   // the next one, if it is wanted
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
		made:   time.Now(),
		faults: faults,
		limit:  o.Concurrency,
		random: rand.Float64,
		wake:   make(chan struct{}, 1),
		idle:   make(chan struct{}),
		news:   make(chan struct{}),
	}
	r.entries.Store(new([]*entry))
	r.windows.Store(new([]*window))
	r.telemetry = newTelemetry(o, r)
	return r
}

// Register adds a check, before or after Start. It returns every fault of the
// check at once, and refuses a name that is taken, an external check for
// liveness, and dependencies that form a cycle. Until its first result the check
// is unknown.
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
	if r.phase == started {
		if err := missing(c, list); err != nil {
			return err
		}
	}
	if path := cycle(c, list); path != nil {
		return fmt.Errorf("health: check %q: DependsOn forms a cycle: %s", c.Name, strings.Join(path, " -> "))
	}
	e := newEntry(c, time.Now())
	list = slices.Insert(slices.Clone(list), at, e)
	r.entries.Store(&list)
	r.changed()
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
	r.withdraw(e)
	r.changed()
	return true
}

// Checks returns the registered checks with their defaults, by name. The slices
// in them must not be changed.
func (r *Registry) Checks() []Check {
	entries := *r.entries.Load()
	checks := make([]Check, len(entries))
	for i, e := range entries {
		checks[i] = e.check
	}
	return checks
}

// changed makes readers look anew. The caller holds r.mu.
func (r *Registry) changed() {
	r.version.Add(1)
	close(r.news)
	r.news = make(chan struct{})
}

// Report returns what is known now. It waits for nothing: neither for a check
// nor for a lock.
func (r *Registry) Report() Report {
	now := time.Now()
	_, results := r.readings(now)
	report := Report{
		Time: now, State: StateHealthy, Draining: r.draining.Load(), Lag: r.lag(now),
		Results: make([]Result, len(results)),
	}
	for i, result := range results {
		report.State = worst(report.State, result.weight(0)) // not the summary's, which may be of another moment
		report.Results[i] = *result
	}
	return report
}

func byName(e *entry, name string) int { return strings.Compare(e.check.Name, name) }
