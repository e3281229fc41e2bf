package bulk

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// pilot looks for the number of workers, and the size of a batch, that get the
// most items done per second. It starts by doubling while that pays; then it
// compares a bit less with a bit more and moves where goodput grows (probe); when
// there is nothing more to gain it holds still and watches for a change. What a
// backend refuses as too much makes a cap, below which it paces the calls.
//
// Latency alone tells it nothing: more of it at the same goodput is no harm here.
// It learns nothing while workers wait for the source, or the CPU is used up.
//
// All methods may be called by many goroutines at once.
type pilot struct {
	mu    sync.Mutex
	epoch time.Time
	cpu   func(now time.Duration) float64 // share in use since the last call
	rnd   func() float64

	seats  []*seat
	busy   int // workers
	known  evidence
	reason string // of the last decision
	turn   int    // decisions so far

	axes   [2]axis // workers, batch
	on     int     // the axis that is moved
	state  phase
	fresh  bool // nothing is known yet
	window window
	noise  float64 // of the logarithm of the goodput, by window
	hold   hold
	leg    int        // of the probe
	legs   [4]float64 // logarithms of the goodput
	cap    rateCap
	idle   bool // the source or the CPU is the limit
	tail   tail
}

type phase int

const (
	starting phase = iota
	probing
	holding
)

const (
	workers = iota // axis
	batches        // axis
)

const (
	firstWorkers = 8
	firstBatch   = 16
)

func newPilot(w, b Limits) *pilot {
	p := &pilot{
		epoch: time.Now(), cpu: func(time.Duration) float64 { return 0 }, rnd: rand.Float64,
		fresh: true, noise: 0.04, hold: hold{length: firstHold},
		axes: [2]axis{workers: newAxis(w, workerManner()), batches: newAxis(b, batchManner())},
	}
	// Workers first: with small batches calls are quick, so that takes less time.
	if p.on = workers; !w.auto() {
		p.on = batches
	}
	p.known = evidence{limit: p.axes[workers].set, batch: p.axes[batches].set, maxLimit: w.most}
	return p
}

// startFrom begins the search where an earlier run ended; 0 is where none did.
// It is called before anything is measured.
func (p *pilot) startFrom(workerCount, batchSize int) {
	for i, n := range [2]int{workers: workerCount, batches: batchSize} {
		if a := &p.axes[i]; n > 0 && a.auto() {
			a.at = a.clamp(float64(n))
			a.set = int(a.at)
			p.fresh = false
		}
	}
	p.known.limit, p.known.batch = p.axes[workers].set, p.axes[batches].set
}

// Backend is an [Option] of [Run] for several runs of a process that load the
// same backend: given the same one, they share its workers evenly and look for
// the best number together. On their own each would take what the others leave,
// to the loss of all. The zero value is ready. The [Workers] of the first run
// hold for all, and what was found stays for the runs that come later. With it,
// [Batch] must be a number.
type Backend struct {
	mu    sync.Mutex
	pilot *pilot
}

func (b *Backend) apply(c *config) { c.run.backend = b }

func (b *Backend) join(w, batch Limits) *pilot {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pilot == nil {
		b.pilot = newPilot(w, batch)
		b.pilot.cpu = newCPUMeter()
	}
	return b.pilot
}

// seat is one run's part in a pilot.
type seat struct {
	nudge func() // tells the run that a worker may be free
	busy  int    // workers
	wants bool   // has work and was refused a worker
}

func (p *pilot) sit(nudge func()) *seat {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &seat{nudge: nudge}
	p.seats = append(p.seats, s)
	return s
}

func (p *pilot) stand(s *seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.seats {
		if p.seats[i] == s {
			p.seats = append(p.seats[:i:i], p.seats[i+1:]...)
			break
		}
	}
}

// free tells whether the run could have a worker, though it has no work.
func (p *pilot) free(s *seat, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.wants = false
	return p.room(s) && p.cap.wait(p.since(at)) <= 0
}

// room keeps a run from taking the share of another that waits for it. The
// caller holds mu.
func (p *pilot) room(s *seat) bool {
	limit := p.axes[workers].set
	if p.busy >= limit {
		return false
	}
	fair := (limit + len(p.seats) - 1) / len(p.seats)
	if s.busy < fair {
		return true
	}
	for _, other := range p.seats {
		if other.wants && other.busy < fair {
			return false
		}
	}
	return true
}

// admit gives the run a worker, or says how long to wait at least; without a
// time it is nudged.
func (p *pilot) admit(s *seat, at time.Time) (pause time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.room(s) {
		s.wants = true
		return time.Hour, false
	}
	now := p.since(at)
	if pause := p.cap.wait(now); pause > 0 {
		return pause, false
	}
	p.cap.take(now)
	s.wants = false
	s.busy++
	p.busy++
	return 0, true
}

// release gives a worker back.
func (p *pilot) release(s *seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.busy--
	p.busy--
	for _, other := range p.seats {
		if other.wants {
			other.nudge()
		}
	}
}

func (p *pilot) workerLimit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.axes[workers].set
}

func (p *pilot) batchLimit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.axes[batches].set
}

// evidence is what is known now, with the reason for the last decision and the
// number of decisions so far.
func (p *pilot) evidence() (e evidence, reason string, turn int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e = p.known
	e.limit, e.batch = p.axes[workers].set, p.axes[batches].set
	e.best = int(math.Round(p.axes[workers].at))
	return e, p.reason, p.turn
}

func (p *pilot) since(at time.Time) time.Duration { return at.Sub(p.epoch) }

// axis is one of the two settings.
type axis struct {
	manner
	least, most float64
	at          float64 // the best known
	set         int     // in force
	span        float64 // a probe goes from at/span to at*span
	last        float64 // move
	same        int     // moves in a row in the same direction
	calm        int     // small moves in a row
	ramp        ramp
	curve       curve
}

// manner is how an axis is searched.
type manner struct {
	unit         string
	first        int     // where to begin
	leap         float64 // factor of a step while starting
	leaping      string
	pays         float64 // growth of the goodput by such a step that pays
	harms        float64 // the growth that ends the start at once
	part         float64 // of the best goodput; the least setting that has it is where to probe
	worth        float64 // percentage of goodput that one percent more has to bring
	wide, narrow float64 // spans
	stride       float64 // how far a move goes for the gain that was seen
	slow         bool    // more makes calls longer, too long for leaps in the end
}

func workerManner() manner {
	// On a plateau fewer workers are better, hence worth.
	return manner{unit: "workers", first: firstWorkers, leap: 2, leaping: "doubling", pays: 1.25, harms: 1.02, part: 0.93, worth: 0.05, wide: 1.25, narrow: 1.15, stride: 0.9}
}

// batchManner makes longer steps. The cost of a call is spread over the items of
// its batch, so goodput grows by ever less for ever longer, and falls as slowly.
func batchManner() manner {
	return manner{unit: "items in a batch", first: firstBatch, leap: 4, leaping: "quadrupling", pays: 1.1, harms: 0.85, part: 0.96, worth: 0.02, wide: 1.6, narrow: 1.4, stride: 3, slow: true}
}

func newAxis(l Limits, m manner) axis {
	n := min(max(m.first, l.least), l.most)
	return axis{manner: m, least: float64(l.least), most: float64(l.most), at: float64(n), set: n, span: m.wide}
}

func (a *axis) auto() bool { return a.least < a.most }

func (a *axis) clamp(n float64) float64 { return math.Max(a.least, math.Min(a.most, n)) }
