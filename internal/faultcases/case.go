// Package faultcases is a catalogue of faults for tests of what names their
// cause: each is played in a small simulated service, behind real providers and
// with packages health and bulk, among things that look bad and are innocent.
package faultcases

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

// Expected is a right answer: a kind, and the names by which its component may
// go.
type Expected struct {
	Kind       string
	Components []string
	FromStart  bool // of the program
}

// Case is one fault of the catalogue, or several at once, or none.
type Case struct {
	Name   string
	inject func(*world) // says what is expected, too
	flood  bool         // so much traffic that the rings do not reach back to the fault
}

// Play runs one variant of the case and calls ask at its end, within the bubble
// of testing/synctest. Expected is empty when nothing is wrong. The seed decides
// on names, rates, the time of the fault and what else looks bad. Innocent are
// names that no answer may have.
func (c Case) Play(t *testing.T, seed uint64, ask func(t *testing.T, st *store.Store, want []Expected, innocent []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rand.New(rand.NewPCG(seed, 1)), c.flood)
		c.inject(w)
		w.distract()
		w.run()
		ask(t, w.st, w.expected, w.innocent)
		w.stop()
	})
}

// world is a simulated service.
type world struct {
	t      *testing.T
	mu     sync.Mutex // callbacks and checks read what follows
	rng    *rand.Rand
	st     *store.Store
	rig    *taptest.Rig
	checks *health.Registry

	deps      []*dependency
	endpoints []*endpoint
	pools     []*pool
	queues    []*queue
	jobs      []*job
	ledger    ledger
	cpu       float64 // processors used
	cpuSum    float64

	begin   time.Time
	seconds int // how long it runs
	onset   int // second at which the fault begins
	now     int
	load    float64 // of requests, 1 is usual
	wave    float64
	ahead   time.Duration // of the clock that stamps requests

	faults   []func(second int) // called each second from onset on
	noise    []func(second int) // called each second
	due      []*plan
	held     [][]byte // memory
	blocked  chan struct{}
	expected []Expected
	innocent []string // names that no answer has
	quiet    bool     // no other check flaps
}

func newWorld(t *testing.T, rng *rand.Rand, flood bool) *world { //nolint:revive // flag-parameter: the case's
	t.Helper()
	bytes, load := 0, 1.0
	if flood {
		bytes, load = 4<<20, 6
	}
	w := &world{
		t: t, rng: rng, st: store.New(bytes), load: load, cpu: 0.2 + 0.4*rng.Float64(), begin: time.Now(),
		seconds: 480 + rng.IntN(240), blocked: make(chan struct{}),
	}
	w.onset = w.seconds * (55 + rng.IntN(25)) / 100
	w.rig = taptest.New(t, w.st)
	w.checks = health.New(health.Options{TracerProvider: w.rig.TP, MeterProvider: w.rig.MP, LoggerProvider: w.rig.LP})
	w.build()
	w.observe()
	return w
}

// expect says what the fault is.
func (w *world) expect(kind string, components ...string) {
	w.expected = append(w.expected, Expected{kind, components, w.onset == 0})
}

// from calls f each second from the onset on.
func (w *world) from(f func(second int)) { w.faults = append(w.faults, f) }

func (w *world) run() {
	if err := w.checks.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	<-time.After(time.Second / 2) // never at the moment at which the store reads
	for second := range w.seconds {
		for _, j := range w.jobs { // not under the lock: instruments are made
			j.start(w, second)
		}
		w.mu.Lock()
		w.now = second
		if w.now >= w.onset {
			for _, f := range w.faults {
				f(w.now - w.onset)
			}
		}
		for _, f := range w.noise {
			f(w.now)
		}
		w.requests()
		w.tick()
		w.mu.Unlock()
		// A program that runs for real collects every two minutes, and one that
		// keeps much sooner.
		if second%120 == 0 || (second%30 == 0 && len(w.held) > 0) {
			runtime.GC()
		}
		<-time.After(time.Second)
	}
}

// tick moves on what is no request.
func (w *world) tick() {
	w.cpuSum += w.cpu * (0.9 + 0.2*w.rng.Float64())
	w.ledger.tick(w.rng)
	for _, q := range w.queues {
		q.tick(w.now, w.rng)
	}
	for _, j := range w.jobs {
		j.tick(w)
	}
}

func (w *world) stop() {
	close(w.blocked)
	for _, j := range w.jobs {
		if j.op != nil {
			err := errors.New("the test ends")
			j.op.End(&err)
		}
	}
	if err := w.checks.Shutdown(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	w.held = nil
}

// job is a bulk operation.
type job struct {
	name    string
	op      *bulk.Operation
	from    int // second at which it begins
	rate    int // items a second
	failing float64
	text    string
	stalled bool
}

func (j *job) start(w *world, second int) {
	if j.op == nil && second >= j.from {
		_, j.op = bulk.Start(w.t.Context(), j.name, bulk.Total(j.rate*(w.seconds+200)), bulk.Providers{Tracer: w.rig.TP, Meter: w.rig.MP, Logger: w.rig.LP})
	}
}

func (j *job) tick(w *world) {
	if j.op == nil {
		return
	}
	for range j.rate {
		switch {
		case j.stalled:
		case w.rng.Float64() < j.failing:
			j.op.Fail(errors.New(j.text))
		default:
			j.op.OK()
		}
	}
}
