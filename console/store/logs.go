package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/trace"
)

// logStore keeps log records as bytes. Warnings and worse, events of health
// and bulk, and the rest have rings of their own.
type logStore struct {
	recent, problems, events *ring

	alarms  atomic.Uint64 // warnings and errors, events included
	buffers sync.Pool
}

func newLogStore(budget int) *logStore {
	s := &logStore{
		recent:   newRing(budget * 2 / 4),
		problems: newRing(budget / 4),
		events:   newRing(budget / 4),
	}
	s.buffers.New = func() any { return new([]byte) }
	return s
}

func (s *logStore) rings() []*ring { return []*ring{s.events, s.problems, s.recent} }

func (s *logStore) add(r *sdklog.Record, isOurs bool) {
	isAlarm := r.Severity() >= log.SeverityWarn
	if isAlarm {
		s.alarms.Add(1)
	}
	to := s.recent
	switch {
	case isOurs:
		to = s.events
	case isAlarm:
		to = s.problems
	}
	buf, _ := s.buffers.Get().(*[]byte)
	*buf = encodeLog((*buf)[:0], r, to.size)
	to.add(*buf, int64(binary.LittleEndian.Uint64((*buf)[logTimeAt:])))
	s.buffers.Put(buf)
}

// Where encodeLog puts what is looked for without decoding the whole record.
const (
	logTraceAt    = 4
	logSpanAt     = logTraceAt + 16
	logTimeAt     = logSpanAt + 8
	logSeverityAt = logTimeAt + 8
)

func encodeLog(b []byte, r *sdklog.Record, size int) []byte {
	traceID, spanID := r.TraceID(), r.SpanID()
	at := r.Timestamp()
	if at.IsZero() {
		at = r.ObservedTimestamp()
	}
	e := encoder{b: append(b, 0, 0, 0, 0), max: size - encodeSlack}
	e.b = append(append(e.b, traceID[:]...), spanID[:]...)
	e.time(at)
	e.b = append(e.b, byte(min(max(r.Severity(), 0), log.SeverityFatal4)))
	e.text(r.EventName(), maxName)
	e.text(r.InstrumentationScope().Name, maxName)
	e.text(r.Body().String(), maxValue)
	list, n := e.list(), 0
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		if n >= maxAttributes || !e.room(longestAttribute) {
			return false
		}
		e.attribute(kv)
		n++
		return true
	})
	e.endList(list, n, r.AttributesLen()-n+r.DroppedAttributes())
	binary.LittleEndian.PutUint32(e.b, uint32(len(e.b)))
	return e.b
}

// LogRecord is a stored log record as every view shows it.
type LogRecord struct {
	Time       time.Time  `json:"time"`
	Level      string     `json:"level"` // trace, debug, info, warn, error, fatal; empty when not said
	Event      string     `json:"event"` // empty for a plain record
	Scope      string     `json:"scope"`
	Body       string     `json:"body"`
	Attributes Attributes `json:"attributes"`
	TraceID    string     `json:"trace_id"`
	SpanID     string     `json:"span_id"`

	DroppedAttributes int `json:"dropped_attributes"`
}

// logHead is what a record is grouped by.
type logHead struct {
	trace    trace.TraceID
	span     trace.SpanID
	at       int64
	severity byte

	event, scope, body []byte // as they came, valid as long as the record is
}

func headOfLog(rec []byte) logHead {
	l := logHead{
		trace: trace.TraceID(rec[logTraceAt:]), span: trace.SpanID(rec[logSpanAt:]),
		at: int64(binary.LittleEndian.Uint64(rec[logTimeAt:])), severity: rec[logSeverityAt],
	}
	rest := rec[logSeverityAt+1:]
	l.event, rest = rawText(rest)
	l.scope, rest = rawText(rest)
	l.body, _ = rawText(rest)
	return l
}

func decodeLog(rec string) LogRecord {
	d := decoder{s: rec[logTraceAt:]}
	r := LogRecord{TraceID: hexID(d.take(16)), SpanID: hexID(d.take(8)), Time: d.time(), Level: levelWord(d.byte())}
	r.Event, r.Scope, r.Body = CleanLine(d.raw()), CleanLine(d.raw()), d.text()
	r.Attributes, r.DroppedAttributes = d.attributes()
	return r
}

// Levels are the ranges of severities, four numbers each from 1 on.
func Levels() []string { return []string{"trace", "debug", "info", "warn", "error", "fatal"} }

func levelWord(severity byte) string {
	if severity == 0 {
		return ""
	}
	return Levels()[(severity-1)/4]
}

// leastSeverity returns the lowest severity of a level, zero for an unknown word.
func leastSeverity(level string) byte {
	if i := slices.Index(Levels(), strings.ToLower(level)); i >= 0 {
		return byte(4*i + 1)
	}
	return 0
}

// Limits of one answer.
const (
	maxLogs     = 500
	maxLogBytes = 2 << 20
)

// LogQuery selects log records. The zero value selects the newest.
type LogQuery struct {
	Level string        // this level and worse
	Text  string        // in body, event name, scope or attributes
	Trace trace.TraceID // zero: any
	Since time.Time     // zero: any time; records of this moment are selected
	Until time.Time     // zero: any time; records of this moment are not
	Skip  int           // so many of the newest are left out
	Limit int           // 0 means 100
}

// LogList is the answer to a [LogQuery].
type LogList struct {
	AsOf      time.Time   `json:"as_of"`
	Since     time.Time   `json:"complete_since"` // older records may be gone
	Logs      []LogRecord `json:"logs"`           // newest first
	Truncated bool        `json:"truncated"`      // older records match as well
}

// Logs returns the newest records that q selects.
func (st *Store) Logs(q LogQuery) LogList {
	skip := max(q.Skip, 0)
	limit := min(max(cmp.Or(q.Limit, UsualLimit), 0), math.MaxInt-1-skip) // as one more is looked for
	answer := LogList{AsOf: time.Now(), Since: st.logsSince(q), Logs: []LogRecord{}}
	for _, r := range st.logs.rings() {
		answer.Logs = append(answer.Logs, q.from(r, skip+limit)...)
	}
	slices.SortStableFunc(answer.Logs, newestFirst)
	answer.Logs = answer.Logs[min(skip, len(answer.Logs)):]
	size := 0
	for i := range answer.Logs {
		size += answer.Logs[i].size()
		if i >= limit || size > maxLogBytes {
			answer.Logs, answer.Truncated = answer.Logs[:i], true
			break
		}
	}
	return answer
}

func (r *LogRecord) size() int {
	n := len(r.Body) + 256
	for _, a := range r.Attributes {
		n += len(a.Key) + len(a.Text()) + 16
	}
	return n
}

func newestFirst(a, b LogRecord) int { return b.Time.Compare(a.Time) }

// from returns the newest matches of one ring, more than limit if there are.
func (q LogQuery) from(r *ring, limit int) []LogRecord {
	var found []LogRecord
	q.walk(r, func(rec []byte) bool {
		found = append(found, decodeLog(string(rec)))
		return len(found) <= limit
	})
	slices.SortStableFunc(found, newestFirst)
	return found[:min(len(found), limit+1)]
}

// walk is the ring's, for the records that q selects.
func (q LogQuery) walk(r *ring, f func(rec []byte) (more bool)) {
	least, text := leastSeverity(q.Level), strings.ToLower(q.Text)
	since, until := nanos(q.Since, math.MinInt64), nanos(q.Until, math.MaxInt64)
	more := true
	r.walk(func(rec []byte) bool {
		at := int64(binary.LittleEndian.Uint64(rec[logTimeAt:]))
		if rec[logSeverityAt] < least || at < since || at >= until ||
			(q.Trace.IsValid() && !bytes.Equal(rec[logTraceAt:logSpanAt], q.Trace[:])) {
			return more
		}
		if text != "" {
			if l := decodeLog(string(rec)); !l.contains(text) {
				return more
			}
		}
		more = f(rec)
		return more
	})
}

// logsSince tells since when all records are kept that q may select.
func (st *Store) logsSince(q LogQuery) time.Time {
	since := st.started
	for _, r := range st.logs.rings() {
		if r == st.logs.recent && leastSeverity(q.Level) >= byte(log.SeverityWarn) {
			continue
		}
		since = later(since, r.completeSince())
	}
	return since
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (r *LogRecord) contains(lower string) bool {
	in := func(s string) bool { return strings.Contains(strings.ToLower(s), lower) }
	return in(r.Body) || in(r.Event) || in(r.Scope) || in(r.Attributes.String())
}

func (s *logStore) usage() []Usage {
	return []Usage{s.recent.usage("logs"), s.problems.usage("logs of warnings and errors, events apart"), s.events.usage("events of health and bulk, of any level")}
}

// logTap is the console's log processor.
type logTap struct{ st *Store }

var _ sdklog.Processor = logTap{}

// Enabled implements sdklog.Processor: the console wants every record.
func (logTap) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// OnEmit implements sdklog.Processor. It copies what it keeps: the SDK reuses
// records.
func (t logTap) OnEmit(_ context.Context, r *sdklog.Record) error {
	if isStart(r) {
		t.st.settings.learn(r)
		t.st.identity.learn(r.Resource())
		return nil
	}
	isHealth := isHealthEvent(r.EventName())
	isBulk := strings.HasPrefix(r.EventName(), bulkEvents)
	t.st.logs.add(r, isHealth || isBulk)
	switch {
	case isHealth:
		t.st.health.changed(r)
	case isBulk:
		t.st.operations.reported(r)
	}
	t.st.identity.learn(r.Resource())
	return nil
}

// Shutdown implements sdklog.Processor: what was kept is still shown.
func (logTap) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdklog.Processor: nothing is pending.
func (logTap) ForceFlush(context.Context) error { return nil }
