package console

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// traceSummary is one trace in a list.
type traceSummary struct {
	TraceID string    `json:"trace_id"`
	Name    string    `json:"name"` // of the root, or of the earliest span kept
	Scope   string    `json:"scope"`
	Start   time.Time `json:"start"`
	Seconds number    `json:"duration_seconds"`
	Spans   int       `json:"spans"`
	Errors  int       `json:"errors"`
	Running int       `json:"running"` // unfinished spans

	end     time.Time
	hasRoot bool
	matches bool
}

// traceQuery selects traces. The zero value selects the newest.
type traceQuery struct {
	Text    string        // in the name of any span
	Errors  bool          // only traces with a failed span
	Running bool          // only traces with an unfinished span
	Least   time.Duration // only traces that took at least so long
	Limit   int           // 0 means 100
}

type traceList struct {
	AsOf      time.Time      `json:"as_of"`
	Traces    []traceSummary `json:"traces"` // newest first
	Total     int            `json:"total"`  // that match
	Truncated bool           `json:"truncated"`
}

func (c *Console) traces(q traceQuery) traceList {
	now := time.Now()
	byID := map[trace.TraceID]*traceSummary{}
	text := strings.ToLower(q.Text)
	c.spans.walk(func(rec []byte) {
		id := trace.TraceID(rec[spanTraceAt:])
		t := byID[id]
		if t == nil {
			t = &traceSummary{TraceID: id.String()}
			byID[id] = t
		}
		t.add(rec, text, now)
	})
	answer := traceList{AsOf: now, Traces: make([]traceSummary, 0, len(byID))}
	for _, t := range byID {
		t.Seconds = number(t.end.Sub(t.Start).Seconds())
		if t.matches && (!q.Errors || t.Errors > 0) && (!q.Running || t.Running > 0) && t.end.Sub(t.Start) >= q.Least {
			answer.Traces = append(answer.Traces, *t)
		}
	}
	slices.SortFunc(answer.Traces, func(a, b traceSummary) int {
		return cmp.Or(b.Start.Compare(a.Start), strings.Compare(a.TraceID, b.TraceID))
	})
	answer.Total = len(answer.Traces)
	limit := cmp.Or(q.Limit, 100)
	if answer.Truncated = answer.Total > limit; answer.Truncated {
		answer.Traces = answer.Traces[:limit]
	}
	return answer
}

// add counts one encoded span in, reading no more of it than it must.
func (t *traceSummary) add(rec []byte, text string, now time.Time) {
	nanos := func(at int) time.Time { return time.Unix(0, int64(binary.LittleEndian.Uint64(rec[at:]))).UTC() }
	start, end := nanos(spanStartAt), nanos(spanEndAt)
	if end.UnixNano() == 0 {
		t.Running++
		end = now
	}
	if rec[spanStatusAt] == byte(codes.Error) {
		t.Errors++
	}
	t.Spans++
	isRoot := binary.LittleEndian.Uint64(rec[spanParentAt:]) == 0
	first := t.Start.IsZero() || start.Before(t.Start)
	if first {
		t.Start = start
	}
	if end.After(t.end) {
		t.end = end
	}
	names := isRoot || (first && !t.hasRoot)
	if !names && t.matches {
		return
	}
	d := decoder{s: string(rec[spanTextAt:min(len(rec), spanTextAt+2*(maxName+64))])}
	name := cleanLine(d.raw())
	if names {
		t.Name, t.Scope, t.hasRoot = name, cleanLine(d.raw()), t.hasRoot || isRoot
	}
	t.matches = t.matches || strings.Contains(strings.ToLower(name), text)
}

// Limits of one trace in an answer.
const (
	maxTraceSpans = 2000
	maxTraceBytes = 4 << 20
)

// traceDetail is one trace whole.
type traceDetail struct {
	AsOf      time.Time   `json:"as_of"`
	TraceID   string      `json:"trace_id"`
	Name      string      `json:"name"`
	Start     time.Time   `json:"start"`
	Seconds   number      `json:"duration_seconds"`
	Errors    int         `json:"errors"`
	Running   int         `json:"running"`
	Partial   bool        `json:"partial"` // some span's parent is not here
	Spans     []*span     `json:"spans"`   // in tree order, parents first
	Truncated bool        `json:"truncated"`
	Logs      []logRecord `json:"logs"` // oldest first
}

// trace returns the trace with this id; ok is false when nothing of it is kept.
func (c *Console) trace(id trace.TraceID) (t traceDetail, ok bool) {
	t = traceDetail{AsOf: time.Now(), TraceID: id.String()}
	byID := map[string]*span{}
	size := 0
	c.spans.walk(func(rec []byte) {
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
	logs := c.logRecords(logQuery{Trace: id, Limit: maxLogs})
	slices.Reverse(logs.Logs)
	t.Logs = logs.Logs
	t.arrange(byID)
	return t, len(t.Spans)+len(t.Logs) > 0
}

// arrange sorts the spans into tree order and sums them up.
func (t *traceDetail) arrange(byID map[string]*span) {
	byStart := func(a, b *span) int {
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.SpanID, b.SpanID))
	}
	all := make([]*span, 0, len(byID))
	children := map[string][]*span{}
	for _, s := range byID {
		all = append(all, s)
	}
	slices.SortFunc(all, byStart)
	var roots []*span
	for _, s := range all {
		if byID[s.ParentID] != nil {
			children[s.ParentID] = append(children[s.ParentID], s)
			continue
		}
		roots = append(roots, s)
		t.Partial = t.Partial || s.ParentID != ""
	}
	t.Spans = make([]*span, 0, len(all))
	seen := map[*span]bool{}
	var visit func(s *span, depth int)
	visit = func(s *span, depth int) {
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
}

func (t *traceDetail) sum() {
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
		t.Seconds = number(end.Sub(t.Start).Seconds())
	}
}
