package bulk

import (
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// stride is how many calls a quick worker gathers before it publishes them.
const stride = 64

// strideTime is the most time that stride calls may take in a quick worker. It
// bounds what an observer can miss: a slower worker publishes every call.
const strideTime = 4 * time.Millisecond

// Worker counts items for one goroutine at a fraction of the cost of the shared
// methods of [Operation]. It must not be used by two goroutines at once, and
// its owner must close it before the operation ends, or up to 63 items are not
// counted; the end of the operation says so. A worker that passes fewer than 16,000 items a second shows each of
// them at once; a quicker one may be 63 items behind, until it is closed.
type Worker struct {
	op      *Operation
	beat    *atomic.Uint32 // the operation's pulse
	pulse   uint32         // as last seen
	left    int32          // calls until the next publication
	limit   int32          // what left begins from: 1 or stride
	other   int32          // calls since the last publication that were not OK
	run     int32          // calls published one at a time since calm
	bytes   int64
	skipped int64
	reason  *skip
	calm    time.Time // when run began; zero in a closed worker

	// Of a loop, since the operation's start, while it is published item by item:
	// when the present item began and the last one ended. Zero if that is unknown.
	began, ended time.Duration
	_            [24]byte // workers of different goroutines share no cache line
}

// Worker returns a counter for the calling goroutine alone. Close it when that
// goroutine has done its last item.
func (o *Operation) Worker() *Worker {
	if o == nil {
		o = &Operation{} // counted into, never reported
	}
	o.workers.Add(1)
	return &Worker{op: o, beat: &o.pulse, pulse: o.pulse.Load(), left: 1, limit: 1, calm: time.Now()}
}

// OK counts one item that was processed.
func (w *Worker) OK() {
	w.left--
	if w.left <= 0 || w.beat.Load() != w.pulse {
		w.publish()
	}
}

// begin is called by a loop before the body of an item. A loop too quick to be
// published item by item is timed at 64 items a second, as it proves anew that
// it is quick, so that telling the time costs nothing.
func (w *Worker) begin() {
	if w.limit == 1 {
		w.clock()
	}
}

func (w *Worker) clock() {
	w.began = max(time.Since(w.op.started), 1)
	if w.ended > 0 {
		w.op.loop.reading.Add(int64(w.began - w.ended))
	}
}

// end is called when the body of an item is over, of which counted is how many
// were already counted.
func (w *Worker) end(counted int64) {
	if w.began == 0 {
		return
	}
	began, now := w.began, time.Since(w.op.started)
	w.began, w.ended = 0, now
	l := &w.op.loop
	l.working.Add(int64(now - began))
	l.timed.Add(1)
	if d := now - began; int64(d) > w.op.slowest.floor.Load() {
		w.op.slowest.offer(SlowItem{Position: w.op.counts().items() - counted, Started: w.op.started.Add(began), Time: d})
	}
}

// hold keeps a call from ending the item whose body makes it.
func (w *Worker) hold() (began time.Duration) {
	began, w.began = w.began, 0
	return began
}

// Bytes counts n bytes that were read or written. An n below zero is ignored.
func (w *Worker) Bytes(n int) {
	w.bytes += int64(max(n, 0))
	w.other++
	w.OK()
}

// Skip counts one item that needed no processing, as [Operation.Skip] does.
func (w *Worker) Skip(reason string) {
	if w.reason == nil || w.reason.name != reason {
		w.publishSkips()
		w.reason = w.op.skips.find(reason)
	}
	w.skipped++
	w.other++
	w.OK()
}

// Fail counts one item that could not be processed, as [Operation.Fail] does.
func (w *Worker) Fail(err error, attrs ...attribute.KeyValue) { w.op.Fail(err, attrs...) }

// Close publishes what is left. It may be called again; a closed worker that
// counts on shows each item at once. After the end of the operation nothing is
// counted any more: its span and its metrics are already out.
func (w *Worker) Close() {
	w.publish()
	if w.calm.IsZero() {
		return
	}
	w.calm = time.Time{}
	w.limit, w.left = 1, 1
	w.op.workers.Add(-1)
}

func (w *Worker) publish() {
	w.end(0)
	n := w.limit - w.left
	if ok := n - w.other; ok > 0 {
		w.op.ok.Add(int64(ok))
	}
	if w.bytes > 0 {
		w.op.bytes.Add(w.bytes)
	}
	w.publishSkips()
	w.other, w.bytes = 0, 0
	w.pace(n)
	w.left = w.limit
}

func (w *Worker) publishSkips() {
	if w.skipped > 0 {
		w.reason.n.Add(w.skipped)
		w.skipped = 0
	}
}

// pace decides how often to publish. The beat of the reporter takes the place
// of a clock: after each one, the worker must prove anew that it is quick, so a
// loop that turns slow is seen item by item from the next second on.
func (w *Worker) pace(n int32) {
	if p := w.op.pulse.Load(); p != w.pulse {
		w.pulse, w.limit, w.run = p, 1, 0
		if !w.calm.IsZero() {
			w.calm = time.Now()
		}
		return
	}
	if w.limit != 1 || w.calm.IsZero() {
		return
	}
	if w.run += n; w.run < stride {
		return
	}
	now := time.Now()
	if now.Sub(w.calm) < strideTime {
		w.limit, w.ended = stride, 0
	}
	w.run, w.calm = 0, now
}
