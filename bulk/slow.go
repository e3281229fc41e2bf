package bulk

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

const (
	maxSlow      = 8
	maxItemSpans = 24                     // of slow items, for one operation; the last 8 are kept for its end
	slowTime     = 100 * time.Millisecond // no item that took less is called slow
	slowFactor   = 3                      // nor one that took less than this many times the mean
)

// SlowItem is one of the items that took longest. Span is that of a span
// "bulk.item" with the same times; it is empty until one was emitted.
type SlowItem struct {
	Position int64             `json:"position"` // in the loop, from 0
	Started  time.Time         `json:"started"`
	Time     time.Duration     `json:"time_ns"`
	Span     trace.SpanContext `json:"span"`
}

// slowest keeps the items that took longest, of those that were timed.
type slowest struct {
	floor atomic.Int64 // what an item must take to be kept

	mu    sync.Mutex
	items []SlowItem // the slowest first
	spans int
}

// offer takes an item in, if it is one of the slowest.
func (s *slowest) offer(it SlowItem) {
	if int64(it.Time) <= s.floor.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, _ := slices.BinarySearchFunc(s.items, it, func(a, b SlowItem) int { return int(b.Time - a.Time) })
	s.items = slices.Insert(s.items, at, it)
	if len(s.items) > maxSlow {
		s.items = s.items[:maxSlow]
	}
	if len(s.items) == maxSlow {
		s.floor.Store(int64(s.items[maxSlow-1].Time))
	}
}

// list returns those that took much longer than the mean.
func (s *slowest) list(mean time.Duration) []SlowItem {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.items) && s.items[n].Time >= max(slowTime, slowFactor*mean) {
		n++
	}
	return slices.Clone(s.items[:n])
}

// tellSlow emits the spans of slow items that have none yet. It is called when
// a segment ends, so that they are exported while the operation runs, and once
// at the end.
func (o *Operation) tellSlow(most int) {
	for _, it := range o.slowest.list(o.loop.mean()) {
		if it.Span.IsValid() || o.slowest.spans >= most {
			continue
		}
		o.slowest.spans++
		span := o.child(keys.SpanBulkItem, it.Started, it.Started.Add(it.Time), attribute.Int64(keys.BulkItemPosition, it.Position))
		o.slowest.link(it, span)
	}
}

func (s *slowest) link(it SlowItem, span trace.SpanContext) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.items {
		if s.items[i].Position == it.Position && s.items[i].Started.Equal(it.Started) {
			s.items[i].Span = span
		}
	}
}
