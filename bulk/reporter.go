package bulk

import (
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

const (
	beat         = time.Second
	firstSegment = 10 * time.Second
	maxSegment   = 15 * time.Minute
)

// reporter tells how an operation is doing while it runs, from a goroutine of
// its own. After halt its fields belong to whoever ends the operation.
type reporter struct {
	stop, done chan struct{}

	samples thinner[sample]
	talk    time.Time // when the next progress event is due
	last    time.Time // beat
	stall   time.Time // since when nothing was done, if that was told
	told    int       // stalls
	changes []change
	segment segment
}

// change is a turn that an operation took, for its span.
type change struct {
	at   time.Time
	name string
}

// maxChanges keeps changes and samples together below the 128 events of a span.
const maxChanges = 28

// maxStalls bounds the log events of an operation that stalls again and again.
const maxStalls = 64

// asleep is how late a beat must be for the process to have been stopped.
const asleep = 10 * beat

// segment is the stretch of time that the next segment span will cover.
type segment struct {
	index int
	start time.Time
	base  counts
}

// length grows geometrically, so that a short job is seen often and a long one
// takes few spans: 38 in the first hour, 4 an hour after the first day.
func (s segment) length() time.Duration {
	grown := float64(firstSegment) * math.Pow(1.1, float64(s.index))
	return time.Duration(min(grown, float64(maxSegment)))
}

func (s segment) due() time.Time { return s.start.Add(s.length()) }

func (r *reporter) start(o *Operation) {
	r.stop, r.done = make(chan struct{}), make(chan struct{})
	r.talk, r.last = o.started.Add(beat), o.started
	r.segment.start = o.started
	go r.run(o)
}

func (r *reporter) halt() {
	close(r.stop)
	<-r.done
}

func (r *reporter) run(o *Operation) {
	defer close(r.done)
	timer := time.NewTimer(beat)
	defer timer.Stop()
	next := o.started.Add(beat)
	for {
		select {
		case <-r.stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		if !now.Before(next) {
			r.beat(o, now)
			o.turn(now, o.counts())
			next = after(now, next, beat)
		}
		if !now.Before(r.segment.due()) {
			r.endSegment(o, now, o.counts())
		}
		timer.Reset(min(next.Sub(now), r.segment.due().Sub(now)))
	}
}

// after is the first of due + n*step that lies after now: what was missed while
// the machine slept is not made up for.
func after(now, due time.Time, step time.Duration) time.Time {
	if due = due.Add(step); due.After(now) {
		return due
	}
	return now.Add(step)
}

func (r *reporter) beat(o *Operation, now time.Time) {
	o.pulse.Add(1)
	o.failures.reopen()
	c, used := o.counts(), cpuTime()
	o.mu.Lock()
	o.cpu.observe(now, used)
	if late := now.Sub(r.last) - beat; late > asleep {
		o.estimate.pause(late)
	}
	r.last = now
	o.estimate.total = o.expected()
	o.estimate.observe(now, o.measure(c))
	stages := o.stages
	o.mu.Unlock()
	r.samples.add(sample{now, c})
	for _, st := range stages {
		st.flush(now)
	}
	s := o.look(now)
	r.watch(o, s, now)
	if !now.Before(r.talk) {
		o.event(keys.EventBulkProgress, now, log.SeverityInfo, s.sentence(), append(o.identity(), s.attributes()...)...)
		r.talk = after(now, r.talk, pause(s.Elapsed))
	}
}

// watch tells of stalls and their ends.
func (r *reporter) watch(o *Operation, s Snapshot, now time.Time) {
	switch {
	case s.Stalled && r.stall.IsZero() && r.told < maxStalls:
		r.told++
		r.stall = now.Add(-s.Idle)
		o.event(keys.EventBulkStalled, now, log.SeverityWarn, s.sentence(), append(o.identity(), s.attributes()...)...)
		r.change(now, keys.EventBulkStalled)
	case !s.Stalled && !r.stall.IsZero():
		s.Idle = now.Sub(r.stall)
		r.stall = time.Time{}
		o.event(keys.EventBulkResumed, now, log.SeverityInfo, s.resumption(), append(o.identity(), s.attributes()...)...)
		r.change(now, keys.EventBulkResumed)
	}
}

// change keeps the first turns and the last one.
func (r *reporter) change(at time.Time, name string) {
	if len(r.changes) == maxChanges {
		r.changes = r.changes[:maxChanges-1]
	}
	r.changes = append(r.changes, change{at, name})
}

// pause is the time from one progress event to the next: 600 events in the
// first ten hours, 800 in a week.
func pause(elapsed time.Duration) time.Duration {
	switch {
	case elapsed < 10*time.Second:
		return time.Second
	case elapsed < 500*time.Second:
		return 5 * time.Second
	}
	return elapsed / 100
}

func (r *reporter) endSegment(o *Operation, now time.Time, c counts) {
	in := c.minus(r.segment.base)
	attrs := append(in.attributes(), attribute.Int(keys.BulkSegmentIndex, r.segment.index))
	if t := now.Sub(r.segment.start).Seconds(); t > 0 {
		attrs = append(attrs, attribute.Float64(keys.BulkRate, float64(in.processed())/t))
	}
	o.child(keys.SpanBulkSegment, r.segment.start, now, attrs...)
	o.tellSlow(maxItemSpans - maxSlow)
	r.segment = segment{index: r.segment.index + 1, start: now, base: c}
}

// lastSegment reports what came after the last full segment, so that all
// segments together make the operation. One that ended within its first needs
// none.
func (r *reporter) lastSegment(o *Operation, now time.Time, c counts) {
	if r.segment.index > 0 {
		r.endSegment(o, now, c)
	}
}
