package store

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// spanStore keeps ended spans as bytes and unfinished ones by reference. Its
// rings are apart so that no flood of one sort evicts another.
type spanStore struct {
	recent, errors, bulk *ring
	names                *nameTable

	mu       sync.Mutex
	live     map[spanKey]sdktrace.ReadWriteSpan
	maxLive  int
	untraced uint64 // unfinished spans that found the live table full

	failed  atomic.Uint64 // spans that ended with an error
	buffers sync.Pool
}

type spanKey struct {
	trace trace.TraceID
	span  trace.SpanID
}

// liveBytes is what an unfinished span is charged for: the application owns
// it, the table's entry and a span that is never ended are ours.
const liveBytes = 1 << 10

// liveBulkSpare is the part of the live table, one in n, that only spans of
// package bulk may take: leaked spans must not hide a running operation.
const liveBulkSpare = 8

func newSpanStore(budget int) *spanStore {
	share := budget / 30
	s := &spanStore{
		recent:  newRing(9 * share),
		errors:  newRing(5 * share),
		bulk:    newRing(3 * share),
		names:   newNameTable(8 * share),
		live:    map[spanKey]sdktrace.ReadWriteSpan{},
		maxLive: min(5*share/liveBytes, 10_000),
	}
	s.buffers.New = func() any { return new([]byte) }
	return s
}

func keyOf(sc trace.SpanContext) spanKey { return spanKey{sc.TraceID(), sc.SpanID()} }

func (s *spanStore) start(span sdktrace.ReadWriteSpan, scope string) {
	limit := s.maxLive
	if scope != keys.ScopeBulk {
		limit -= s.maxLive / liveBulkSpare
	}
	key := keyOf(span.SpanContext())
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.live) >= limit {
		s.untraced++
		return
	}
	s.live[key] = span
}

func (s *spanStore) end(span sdktrace.ReadOnlySpan, scope string) {
	key := keyOf(span.SpanContext())
	s.mu.Lock()
	delete(s.live, key)
	s.mu.Unlock()

	hasFailed := span.Status().Code == codes.Error
	if hasFailed {
		s.failed.Add(1)
	}
	r := s.recent
	switch {
	case scope == keys.ScopeBulk:
		r = s.bulk
	case hasFailed:
		r = s.errors
	}
	buf, _ := s.buffers.Get().(*[]byte)
	*buf = encodeSpan((*buf)[:0], span, r.size)
	seq := r.add(*buf, nanos(span.EndTime(), 0))
	if scope != keys.ScopeBulk && scope != keys.ScopeHealth {
		s.names.observe(span, nameKey{scope, span.Name()}, *buf, r, seq)
	}
	s.buffers.Put(buf)
}

// Where encodeSpan puts what is looked for without decoding the whole record.
const (
	spanTraceAt  = 4
	spanIDAt     = spanTraceAt + 16
	spanParentAt = spanIDAt + 8
	spanStartAt  = spanParentAt + 8
	spanEndAt    = spanStartAt + 8
	spanKindAt   = spanEndAt + 8
	spanStatusAt = spanKindAt + 1
	spanTextAt   = spanStatusAt + 1
)

// spanPanicked marks the status of a span that a panic passed.
const spanPanicked = 1 << 7

// hasPanicked tells whether a panic passed the span: a status says so, as that
// of otelmon.Begin and of most that recover, or an event of the SDK, which has
// no other way to record what is no error, or one of the runtime's.
func hasPanicked(status sdktrace.Status, events []sdktrace.Event) bool {
	if status.Code == codes.Error && strings.HasPrefix(status.Description, "panic") {
		return true
	}
	for _, event := range events {
		if event.Name != exceptionEvent {
			continue
		}
		for _, a := range event.Attributes {
			if is := a.Value.AsString(); a.Key == "exception.type" && (is == ".string" || strings.HasPrefix(strings.TrimPrefix(is, "*"), "runtime.")) {
				return true
			}
		}
	}
	return false
}

func statusOf(rec []byte) codes.Code { return codes.Code(rec[spanStatusAt] &^ spanPanicked) }

// exceptionEvent is the name that the conventions give to an error on a span.
const exceptionEvent = "exception"

// encodeSlack is kept free for the heads of lists that end up empty.
const encodeSlack = 64

func encodeSpan(b []byte, s sdktrace.ReadOnlySpan, size int) []byte {
	sc, parent, status := s.SpanContext(), s.Parent(), s.Status()
	traceID, spanID, parentID := sc.TraceID(), sc.SpanID(), parent.SpanID()
	e := encoder{b: append(b, 0, 0, 0, 0), max: size - encodeSlack}
	e.b = append(append(append(e.b, traceID[:]...), spanID[:]...), parentID[:]...)
	e.time(s.StartTime())
	e.time(s.EndTime())
	e.b = append(e.b, byte(s.SpanKind()), byte(status.Code))
	events := s.Events()
	if hasPanicked(status, events) {
		e.b[spanStatusAt] |= spanPanicked
	}
	e.text(s.Name(), maxName)
	e.text(s.InstrumentationScope().Name, maxName)
	e.text(status.Description, maxValue)
	e.attributes(s.Attributes(), s.DroppedAttributes())
	e.events(events, s.DroppedEvents())
	e.links(s.Links(), s.DroppedLinks())
	binary.LittleEndian.PutUint32(e.b, uint32(len(e.b)))
	return e.b
}

func (e *encoder) events(events []sdktrace.Event, dropped int) {
	at := e.list()
	n := 0
	for ; n < min(len(events), maxEvents) && e.room(longestAttribute); n++ {
		e.time(events[n].Time)
		e.text(events[n].Name, maxName)
		e.attributes(events[n].Attributes, events[n].DroppedAttributeCount)
	}
	e.endList(at, n, len(events)-n+dropped)
}

func (e *encoder) links(links []sdktrace.Link, dropped int) {
	at := e.list()
	n := 0
	for ; n < min(len(links), maxLinks) && e.room(24); n++ {
		traceID, spanID := links[n].SpanContext.TraceID(), links[n].SpanContext.SpanID()
		e.b = append(append(e.b, traceID[:]...), spanID[:]...)
	}
	e.endList(at, n, len(links)-n+dropped)
}

// Span is a stored or unfinished span as every view shows it.
type Span struct {
	TraceID  string     `json:"trace_id"`
	SpanID   string     `json:"span_id"`
	ParentID string     `json:"parent_id"` // empty for a root
	Name     string     `json:"name"`
	Scope    string     `json:"scope"`
	Kind     string     `json:"kind"`
	Start    time.Time  `json:"start"`
	End      *time.Time `json:"end"` // null while the span is unfinished
	Seconds  Number     `json:"duration_seconds"`
	Status   string     `json:"status"` // unset, ok, error
	Message  string     `json:"status_message"`
	Depth    int        `json:"depth"`

	Self        Number `json:"self_seconds"`          // in which no child ran
	OnPath      bool   `json:"on_critical_path"`      // the trace waited for it
	PathSeconds Number `json:"critical_path_seconds"` // for it and none of its children

	Attributes        Attributes  `json:"attributes"`
	DroppedAttributes int         `json:"dropped_attributes"`
	Events            []SpanEvent `json:"events"`
	DroppedEvents     int         `json:"dropped_events"`
	Links             []SpanLink  `json:"links"`
	DroppedLinks      int         `json:"dropped_links"`
}

// SpanEvent is an event of a span.
type SpanEvent struct {
	Time       time.Time  `json:"time"`
	Name       string     `json:"name"`
	Attributes Attributes `json:"attributes"`
}

// SpanLink names another span.
type SpanLink struct {
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
}

// Running tells whether the span has not ended.
func (s *Span) Running() bool { return s.End == nil }

func decodeSpan(rec string, now time.Time) *Span {
	d := decoder{s: rec[spanTraceAt:]}
	s := &Span{
		TraceID: hexID(d.take(16)), SpanID: hexID(d.take(8)), ParentID: hexID(d.take(8)),
		Start: d.time(),
	}
	end := d.time()
	s.Kind = trace.SpanKind(d.byte()).String()
	s.Status = statusWord(codes.Code(d.byte() &^ spanPanicked))
	s.Name, s.Scope, s.Message = CleanLine(d.raw()), CleanLine(d.raw()), d.text()
	s.Attributes, s.DroppedAttributes = d.attributes()
	s.Events, s.DroppedEvents = d.spanEvents()
	s.Links, s.DroppedLinks = d.spanLinks()
	if end.IsZero() {
		s.Seconds = Number(now.Sub(s.Start).Seconds())
	} else {
		s.End = &end
		s.Seconds = Number(end.Sub(s.Start).Seconds())
	}
	return s
}

func (d *decoder) spanEvents() ([]SpanEvent, int) {
	n, dropped := d.list()
	events := make([]SpanEvent, n)
	for i := range events {
		events[i] = SpanEvent{Time: d.time(), Name: CleanLine(d.raw())}
		events[i].Attributes, _ = d.attributes()
	}
	return events, dropped
}

func (d *decoder) spanLinks() ([]SpanLink, int) {
	n, dropped := d.list()
	links := make([]SpanLink, n)
	for i := range links {
		links[i] = SpanLink{TraceID: hexID(d.take(16)), SpanID: hexID(d.take(8))}
	}
	return links, dropped
}

// hexID returns an id in hexadecimal digits, empty when it is all zero.
func hexID(id string) string {
	for i := range len(id) {
		if id[i] != 0 {
			return hex.EncodeToString([]byte(id))
		}
	}
	return ""
}

func statusWord(c codes.Code) string {
	switch c {
	case codes.Error:
		return "error"
	case codes.Ok:
		return "ok"
	default:
		return "unset"
	}
}

// unfinished returns the spans that are running now.
func (s *spanStore) unfinished() []sdktrace.ReadWriteSpan {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]sdktrace.ReadWriteSpan, 0, len(s.live))
	for _, span := range s.live {
		list = append(list, span)
	}
	return list
}

// walk calls f with every span kept, in encoded form: unfinished ones first,
// then the slowest of each name that no ring has any more, then each ring from its
// newest segment on. A span that ends meanwhile may be
// seen twice.
func (s *spanStore) walk(f func(rec []byte)) {
	var buf []byte
	for _, span := range s.unfinished() {
		buf = encodeSpan(buf[:0], span, maxSegment)
		f(buf)
	}
	s.names.walk(f)
	for _, r := range []*ring{s.bulk, s.errors, s.recent} {
		r.walk(func(rec []byte) bool { f(rec); return true })
	}
}

func (s *spanStore) usage() []Usage {
	s.mu.Lock()
	live := Usage{
		Name: "spans unfinished", Kept: len(s.live), Dropped: s.untraced,
		Bytes: len(s.live) * liveBytes, MaxBytes: s.maxLive * liveBytes,
	}
	s.mu.Unlock()
	return []Usage{s.recent.usage("spans"), s.errors.usage("spans failed"), s.bulk.usage("spans of bulk operations"), live, s.names.usage()}
}

// spanTap is the console's span processor.
type spanTap struct{ st *Store }

var _ sdktrace.SpanProcessor = spanTap{}

// OnStart implements sdktrace.SpanProcessor.
func (t spanTap) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	scope := s.InstrumentationScope().Name
	t.st.spans.start(s, scope)
	if scope == keys.ScopeBulk {
		t.st.operations.spanStarted(s)
	}
}

// OnEnd implements sdktrace.SpanProcessor.
func (t spanTap) OnEnd(s sdktrace.ReadOnlySpan) {
	scope := s.InstrumentationScope().Name
	t.st.spans.end(s, scope)
	if scope == keys.ScopeBulk {
		t.st.operations.spanEnded(s)
	}
	t.st.identity.learn(s.Resource())
}

// Shutdown implements sdktrace.SpanProcessor: what was kept is still shown.
func (spanTap) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor: nothing is pending.
func (spanTap) ForceFlush(context.Context) error { return nil }
