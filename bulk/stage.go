package bulk

import (
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/internal/keys"
)

const (
	maxStages     = 32
	maxStageSpans = 32          // for each stage
	maxVisits     = 64          // for all stages, besides the last of each
	stageGap      = time.Second // a stage left for less than this was not left
)

// Stage is one kind of work within an operation, such as reading or writing.
// Its time is a metric, busy and waiting apart, and each visit is a span; visits that follow each other
// within a second share one, so a stage may be entered for every item. All
// methods may be called by many goroutines at once.
type Stage struct {
	op   *Operation
	name string

	mu     sync.Mutex
	inside [states]int
	spent  [states]time.Duration // by all goroutines, until since
	since  time.Time             // when inside last changed
	spans  int
	visit  visit
}

// What a goroutine may be doing in a stage.
const (
	busy = iota
	waitIn
	waitOut
	states
)

func stateName(i int) string { return [states]string{"busy", "wait_in", "wait_out"}[i] }

// visit is a stretch of time in which the stage was occupied, up to short gaps.
type visit struct {
	start, end time.Time
	before     time.Duration // how long the stage had been busy until start
}

// Stage returns the stage of that name, a new one at first. The name is a
// metric attribute; after 32 different ones the rest shares one stage.
func (o *Operation) Stage(name string) *Stage {
	if o == nil {
		return nil
	}
	name = truncate(name, maxNameLength)
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.find(name); s != nil {
		return s
	}
	if len(o.stages) >= maxStages {
		return o.stages[maxStages-1]
	}
	if len(o.stages) == maxStages-1 {
		name = other
	}
	s := &Stage{op: o, name: name}
	o.stages = append(o.stages, s)
	return s
}

func (o *Operation) find(stage string) *Stage {
	for _, s := range o.stages {
		if s.name == stage {
			return s
		}
	}
	return nil
}

// Enter marks that the calling goroutine works in the stage until it calls
// leave, of which only the first call counts:
//
//	defer op.Stage("transform").Enter()()
func (s *Stage) Enter() (leave func()) { return s.stay(busy) }

// WaitIn marks that the calling goroutine waits for what the stage before it
// makes, until it calls done. Call it outside of [Stage.Enter]. A stage whose
// goroutines wait for little is the one that limits: see [Snapshot.Verdict].
func (s *Stage) WaitIn() (done func()) { return s.stay(waitIn) }

// WaitOut marks that the calling goroutine waits for the next stage to take what
// it made, until it calls done. Call it outside of [Stage.Enter].
func (s *Stage) WaitOut() (done func()) { return s.stay(waitOut) }

func (s *Stage) stay(state int) (leave func()) {
	if s == nil {
		return func() {}
	}
	s.enter(state, time.Now())
	var left atomic.Bool
	return func() {
		if !left.Swap(true) {
			s.leave(state, time.Now())
		}
	}
}

func (s *Stage) enter(state int, now time.Time) {
	s.mu.Lock()
	v, over := s.take(now)
	if s.visit.start.IsZero() {
		s.visit = visit{start: now, before: s.spent[busy]}
	}
	s.move(now, state, +1)
	s.mu.Unlock()
	if over {
		s.report(v)
	}
}

func (s *Stage) leave(state int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.move(now, state, -1)
	s.visit.end = now
}

// move lets one goroutine in or out. The caller holds mu.
func (s *Stage) move(now time.Time, state, by int) {
	for i, n := range s.inside {
		s.spent[i] += time.Duration(n) * now.Sub(s.since)
	}
	s.inside[state], s.since = s.inside[state]+by, now
}

func (s *Stage) occupied() bool { return s.inside != [states]int{} }

func (s *Stage) time(now time.Time) StageTime {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.spent
	for i, n := range s.inside {
		t[i] += time.Duration(n) * now.Sub(s.since)
	}
	return StageTime{s.name, t[busy], t[waitIn], t[waitOut]}
}

// flush reports the visit that is over, if there is one.
func (s *Stage) flush(now time.Time) {
	s.mu.Lock()
	v, over := s.take(now)
	s.mu.Unlock()
	if over {
		s.report(v)
	}
}

// close reports the last visit, which keeps a span in reserve for it, and lets
// no other come.
func (s *Stage) close(now time.Time) {
	s.mu.Lock()
	s.move(now, busy, 0)
	v := s.visit
	if s.occupied() {
		v.end = now
	}
	spent := s.spent[busy] - v.before
	s.spans = maxStageSpans
	s.visit = visit{}
	s.mu.Unlock()
	if !v.start.IsZero() {
		s.report(visit{v.start, v.end, spent})
	}
}

// take ends the visit if nobody was inside for stageGap, and returns it with
// the time spent in it. The caller holds mu and reports it without.
func (s *Stage) take(now time.Time) (visit, bool) {
	v := s.visit
	if s.occupied() || v.start.IsZero() || now.Sub(v.end) < stageGap || s.spans >= maxStageSpans-1 || s.op.stageSpans.Load() >= maxVisits {
		return visit{}, false
	}
	s.spans++
	s.op.stageSpans.Add(1)
	s.visit = visit{}
	return visit{v.start, v.end, s.spent[busy] - v.before}, true
}

func (s *Stage) report(v visit) {
	s.op.child(keys.SpanBulkStage+" "+s.name, v.start, v.end,
		attribute.String(keys.BulkStageName, s.name),
		attribute.Float64(keys.BulkStageBusySeconds, v.before.Seconds()))
}
