package exporters

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Batching says how spans or log records are gathered into requests. The zero
// value has the defaults of the OpenTelemetry specification for spans.
type Batching struct {
	Queue   int           // most items that wait to be encoded; 0 means 2048
	Largest int           // most items in one request; 0 means 512
	Delay   time.Duration // longest that an item waits; 0 means 5 s
}

// maxQueued bounds the bytes that a queue keeps alive, whatever the number of
// its items.
const maxQueued = 16 << 20

// check is about what is gathered of a signal.
func (b Batching) check(s Signal) error {
	if b.Queue < 0 || b.Largest < 0 || b.Delay < 0 {
		return fmt.Errorf("%s are gathered with a negative queue %d, batch %d or delay %s; leave it 0 for the default", s.items(), b.Queue, b.Largest, b.Delay)
	}
	return nil
}

func (b Batching) orDefault() Batching {
	if b.Queue == 0 {
		b.Queue = 2048
	}
	if b.Largest == 0 {
		b.Largest = 512
	}
	if b.Delay == 0 {
		b.Delay = 5 * time.Second
	}
	b.Largest = min(b.Largest, b.Queue)
	return b
}

// batch gathers items of one signal for its goroutine, which encodes them. It
// takes the place of the SDK's batch processors, which know neither bytes nor
// how much they drop.
type batch[T any] struct {
	Batching
	signal  Signal
	created func() *atomic.Int64
	lose    func(Signal, Reason, int64)
	encode  func([]T) // the slice is filled anew when it returns

	mu      sync.Mutex
	queue   []queued[T]
	bytes   int
	added   uint64
	encoded uint64
	wanted  uint64 // flushes ask for all up to here
	ended   bool
	some    chan struct{} // closed and replaced when encoded grows

	wake chan struct{} // the goroutine has to look
	gone chan struct{} // closed when it has ended
}

type queued[T any] struct {
	item T
	size int
}

func newBatch[T any](s Signal, b Batching, created func() *atomic.Int64, lose func(Signal, Reason, int64), encode func([]T)) *batch[T] {
	q := &batch[T]{
		Batching: b.orDefault(), signal: s, created: created, lose: lose, encode: encode,
		some: make(chan struct{}), wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	go q.run()
	return q
}

// add never waits. An item that finds the queue full is counted and dropped.
func (q *batch[T]) add(item T, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.created().Add(1)
	switch n := len(q.queue); {
	case q.ended:
		q.lose(q.signal, Abandoned, 1)
		return
	case n >= q.Queue || n > 0 && q.bytes+size > maxQueued:
		q.lose(q.signal, QueueFull, 1)
		return
	}
	q.queue = append(q.queue, queued[T]{item, size})
	q.bytes += size
	q.added++
	if n := len(q.queue); n == 1 || n == q.Largest || q.crowded() {
		q.look()
	}
}

// crowded reports that the queue is near its bound in bytes.
func (q *batch[T]) crowded() bool { return q.bytes > maxQueued/4 }

func (q *batch[T]) look() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run encodes when a batch is full, when its first item has waited for Delay,
// and when a flush or the end asks for it.
func (q *batch[T]) run() {
	defer close(q.gone)
	delay := time.NewTimer(q.Delay)
	defer delay.Stop()
	armed, items := true, []T(nil)
	for {
		least := q.Largest
		select {
		case <-q.wake:
		case <-delay.C:
			least, armed = 1, false
		}
		for q.take(&items, least) {
			q.encode(items)
			clear(items)
			q.done(len(items))
		}
		switch left, ended := q.state(); {
		case ended:
			return
		case left > 0 && !armed:
			delay.Reset(q.Delay)
			armed = true
		}
	}
}

// take moves a batch out of the queue if there are at least so many items, or a
// reason not to wait for them.
func (q *batch[T]) take(items *[]T, least int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.queue), q.Largest)
	if n == 0 || n < least && !q.ended && !q.crowded() && q.encoded >= q.wanted {
		return false
	}
	*items = (*items)[:0]
	for _, entry := range q.queue[:n] {
		*items = append(*items, entry.item)
		q.bytes -= entry.size
	}
	rest := copy(q.queue, q.queue[n:])
	clear(q.queue[rest:])
	q.queue = q.queue[:rest]
	return true
}

func (q *batch[T]) done(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.encoded += uint64(n) //nolint:gosec // a length
	close(q.some)
	q.some = make(chan struct{})
}

// state returns how many items wait, and whether the goroutine is to end.
func (q *batch[T]) state() (left int, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queue), q.ended && len(q.queue) == 0
}

// flush waits until all that was added before is encoded.
func (q *batch[T]) flush(ctx context.Context) error {
	q.mu.Lock()
	target := q.added
	q.wanted = max(q.wanted, target)
	q.look()
	for q.encoded < target {
		some := q.some
		q.mu.Unlock()
		select {
		case <-some:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		q.mu.Lock()
	}
	q.mu.Unlock()
	return nil
}

// end refuses what is added from now on and waits until the rest is encoded.
func (q *batch[T]) end(ctx context.Context) error {
	q.mu.Lock()
	q.ended = true
	q.look()
	q.mu.Unlock()
	select {
	case <-q.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
