package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// TraceSummary is one trace in a list.
type TraceSummary struct {
	TraceID string    `json:"trace_id"`
	Name    string    `json:"name"` // of the root, or of the earliest span kept
	Scope   string    `json:"scope"`
	Start   time.Time `json:"start"`
	Seconds Number    `json:"duration_seconds"`
	Spans   int       `json:"spans"`
	Errors  int       `json:"errors"`
	Running int       `json:"running"` // unfinished spans
}

// TraceQuery selects traces. The zero value selects the newest.
type TraceQuery struct {
	Text    string        // in the name of any span
	Errors  bool          // only traces with a failed span
	Running bool          // only traces with an unfinished span
	Least   time.Duration // only traces that took at least so long
	Since   time.Time     // only traces that ended at this moment or later; zero: any
	Until   time.Time     // only traces that began before; zero: any
	Limit   int           // 0 means 100
}

// TraceList is the answer to a [TraceQuery].
type TraceList struct {
	AsOf      time.Time      `json:"as_of"`
	Since     time.Time      `json:"complete_since"` // spans that ended before may be gone
	Traces    []TraceSummary `json:"traces"`         // newest first
	Total     int            `json:"total"`          // that match
	Truncated bool           `json:"truncated"`
}

// Traces returns the newest traces that q selects.
func (st *Store) Traces(q TraceQuery) TraceList {
	now := time.Now()
	scan := traceScan{text: strings.ToLower(q.Text), now: now.UnixNano(), names: map[string]string{}, byID: map[trace.TraceID]*foundTrace{}}
	st.spans.walk(scan.add)
	var found []*foundTrace
	for _, t := range scan.byID {
		if t.matches && q.selects(t) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *foundTrace) int {
		return cmp.Or(cmp.Compare(b.start, a.start), bytes.Compare(a.id[:], b.id[:]))
	})
	answer := TraceList{AsOf: now, Since: st.tracesSince(q.Errors), Total: len(found)}
	found, answer.Truncated = limited(found, cmp.Or(q.Limit, UsualLimit))
	answer.Traces = make([]TraceSummary, len(found))
	for i, t := range found {
		answer.Traces[i] = t.summary()
	}
	return answer
}

func (q TraceQuery) selects(t *foundTrace) bool {
	return (!q.Errors || t.errors > 0) && (!q.Running || t.running > 0) && t.end-t.start >= int64(q.Least) &&
		t.end >= nanos(q.Since, math.MinInt64) && t.start < nanos(q.Until, math.MaxInt64)
}

// tracesSince tells since when all spans are kept, or all that failed.
func (st *Store) tracesSince(onlyFailed bool) time.Time { //nolint:revive // flag-parameter: which ring is meant
	if onlyFailed {
		return later(st.started, st.spans.errors.completeSince())
	}
	return later(st.started, st.spans.recent.completeSince())
}

// foundTrace is a trace of a list while it is found. A full store has tens of
// thousands.
type foundTrace struct {
	id                     trace.TraceID
	start, end             int64 // nanoseconds
	name, scope            string
	spans, errors, running int32
	hasRoot, matches       bool
}

func (t *foundTrace) summary() TraceSummary {
	return TraceSummary{
		TraceID: t.id.String(), Name: t.name, Scope: t.scope, Start: time.Unix(0, t.start).UTC(),
		Seconds: Number(time.Duration(t.end - t.start).Seconds()),
		Spans:   int(t.spans), Errors: int(t.errors), Running: int(t.running),
	}
}

// traceScan is one reading of all spans for a list of traces.
type traceScan struct {
	text  string // in lower case
	now   int64
	names map[string]string // the cleaned by the raw, as most spans share a few
	byID  map[trace.TraceID]*foundTrace
	pool  []foundTrace // made many at a time
}

// maxScanned bounds the names of one scan that are remembered.
const maxScanned = 4096

func (c *traceScan) clean(raw []byte) string {
	if name, ok := c.names[string(raw)]; ok {
		return name
	}
	name := CleanLine(string(raw))
	if len(c.names) < maxScanned {
		c.names[string(raw)] = name
	}
	return name
}

// traceOf returns the trace of a span and makes it when it is new.
func (c *traceScan) traceOf(id trace.TraceID) *foundTrace {
	t := c.byID[id]
	if t != nil {
		return t
	}
	if len(c.pool) == cap(c.pool) {
		c.pool = make([]foundTrace, 0, 256)
	}
	c.pool = append(c.pool, foundTrace{id: id, matches: c.text == ""})
	t = &c.pool[len(c.pool)-1]
	c.byID[id] = t
	return t
}

// add counts one encoded span in, reading no more of it than it must.
func (c *traceScan) add(rec []byte) {
	t := c.traceOf(trace.TraceID(rec[spanTraceAt:]))
	start, end := int64(binary.LittleEndian.Uint64(rec[spanStartAt:])), int64(binary.LittleEndian.Uint64(rec[spanEndAt:]))
	if end == 0 {
		t.running++
		end = c.now
	}
	if statusOf(rec) == codes.Error {
		t.errors++
	}
	isRoot := binary.LittleEndian.Uint64(rec[spanParentAt:]) == 0
	first := t.spans == 0 || start < t.start
	if first {
		t.start = start
	}
	t.spans++
	t.end = max(t.end, start, end) // clocks go back
	names := isRoot || (first && !t.hasRoot)
	if !names && t.matches {
		return
	}
	raw, rest := rawText(rec[spanTextAt:])
	name := c.clean(raw)
	if names {
		raw, _ = rawText(rest)
		t.name, t.scope, t.hasRoot = name, c.clean(raw), t.hasRoot || isRoot
	}
	t.matches = t.matches || strings.Contains(strings.ToLower(name), c.text)
}

// rawText returns the text that b begins with, and what comes after it.
func rawText(b []byte) (raw, rest []byte) {
	n, size := binary.Uvarint(b)
	b = b[size:]
	return b[:n], b[n:]
}

// Limits of one trace in an answer.
const (
	maxTraceSpans = 2000
	maxTraceBytes = 4 << 20
)

// Trace is one trace whole.
type Trace struct {
	AsOf      time.Time   `json:"as_of"`
	Since     time.Time   `json:"complete_since"` // spans that ended before may be gone
	TraceID   string      `json:"trace_id"`
	Name      string      `json:"name"`
	Start     time.Time   `json:"start"`
	Seconds   Number      `json:"duration_seconds"`
	Errors    int         `json:"errors"`
	Running   int         `json:"running"`
	Partial   bool        `json:"partial"` // some span's parent is not here
	Spans     []*Span     `json:"spans"`   // in tree order, parents first
	Truncated bool        `json:"truncated"`
	Logs      []LogRecord `json:"logs"` // oldest first
}

// Trace returns the trace with this id; ok is false when nothing of it is kept;
// what t says of the time holds then, too.
func (st *Store) Trace(id trace.TraceID) (t Trace, ok bool) {
	t = Trace{AsOf: time.Now(), Since: st.tracesSince(false), TraceID: id.String()}
	byID := map[string]*Span{}
	size := 0
	st.spans.walk(func(rec []byte) {
		if !bytes.Equal(rec[spanTraceAt:spanTraceAt+len(id)], id[:]) {
			return
		}
		if size += len(rec); len(byID) >= maxTraceSpans || size > maxTraceBytes {
			t.Truncated = true
			return
		}
		s := decodeSpan(string(rec), t.AsOf)
		if old := byID[s.SpanID]; old == nil || old.Running() {
			byID[s.SpanID] = s
		}
	})
	logs := st.Logs(LogQuery{Trace: id, Limit: maxLogs})
	slices.Reverse(logs.Logs)
	t.Logs = logs.Logs
	t.arrange(byID)
	return t, len(t.Spans)+len(t.Logs) > 0
}

// arrange sorts the spans into tree order and sums them up.
func (t *Trace) arrange(byID map[string]*Span) {
	byStart := func(a, b *Span) int {
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.SpanID, b.SpanID))
	}
	all := make([]*Span, 0, len(byID))
	children := map[string][]*Span{}
	for _, s := range byID {
		all = append(all, s)
	}
	slices.SortFunc(all, byStart)
	var roots []*Span
	for _, s := range all {
		if byID[s.ParentID] != nil {
			children[s.ParentID] = append(children[s.ParentID], s)
			continue
		}
		roots = append(roots, s)
		t.Partial = t.Partial || s.ParentID != ""
	}
	t.Spans = make([]*Span, 0, len(all))
	seen := map[*Span]bool{}
	var visit func(s *Span, depth int)
	visit = func(s *Span, depth int) {
		if seen[s] {
			return
		}
		seen[s] = true
		s.Depth = depth
		t.Spans = append(t.Spans, s)
		for _, child := range children[s.SpanID] {
			visit(child, depth+1)
		}
	}
	// Spans that are their own ancestors hang below no root.
	for _, s := range slices.Concat(roots, all) {
		visit(s, 0)
	}
	t.sum()
	t.follow()
}

func (t *Trace) sum() {
	var end time.Time
	for _, s := range t.Spans {
		e := t.AsOf
		if s.End != nil {
			e = *s.End
		} else {
			t.Running++
		}
		if s.Status == "error" {
			t.Errors++
		}
		if t.Start.IsZero() || s.Start.Before(t.Start) {
			t.Start = s.Start
		}
		if e.After(end) {
			end = e
		}
	}
	if len(t.Spans) > 0 {
		t.Name = t.Spans[0].Name
		t.Seconds = Number(end.Sub(t.Start).Seconds())
	}
}
