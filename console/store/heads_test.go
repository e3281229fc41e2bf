package store

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

func TestEachSpanReadsHeads(t *testing.T) {
	x := newRig(t, 0)
	start := time.Now()
	_, old := x.Span(t.Context(), "old", trace.WithTimestamp(start.Add(-time.Hour)))
	old.End(trace.WithTimestamp(start.Add(-time.Hour)))
	ctx, parent := x.Span(t.Context(), "GET /orders", trace.WithSpanKind(trace.SpanKindServer))
	_, child := x.Span(ctx, "SELECT", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.Int("server.port", 5432), attribute.Int("below", -1<<40), attribute.Float64("f", 1), attribute.Bool("b", true), attribute.String("server.address", "db"),
		attribute.StringSlice("l", []string{"x"})))
	child.SetStatus(codes.Error, "connection refused")
	child.End()

	found := map[string]SpanHead{}
	texts, messages, scopes := map[string]string{}, map[string]string{}, map[string]string{}
	var port, below, none int64
	x.EachSpan(start, func(h *SpanHead) {
		port, below, none = port+h.Int("server.port"), below+h.Int("below"), none+h.Int("l")
		found[string(h.Name)] = *h
		messages[string(h.Name)], scopes[string(h.Name)] = string(h.Message), string(h.Scope)
		h.Texts(func(k, v []byte) { texts[string(k)] = string(v) })
	})
	parent.End()
	if len(found) != 2 {
		t.Fatalf("%+v", found)
	}
	if port != 5432 || below != -1<<40 || none != 0 {
		t.Errorf("integers: %d, %d, %d", port, below, none)
	}
	c, p := found["SELECT"], found["GET /orders"]
	if !c.Failed || messages["SELECT"] != "connection refused" || c.ParentID != p.SpanID || c.TraceID != p.TraceID || c.End == 0 || c.Kind != trace.SpanKindClient {
		t.Errorf("child: %+v", c)
	}
	if p.Failed || p.End != 0 || p.ParentID.IsValid() || p.Kind != trace.SpanKindServer || scopes["GET /orders"] != "shop/checkout" {
		t.Errorf("parent: %+v", p)
	}
	if len(texts) != 2 || texts["server.address"] != "db" || texts["l"] != `["x"]` {
		t.Errorf("texts: %q", texts)
	}
}

func TestInstrumentsAreSelectedByName(t *testing.T) {
	x := newRig(t, 0)
	for _, name := range []string{"queue.depth", "other"} {
		g, err := x.Meter().Int64Gauge(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{"a", "b"} {
			attrs := attribute.String("queue", q)
			g.Record(t.Context(), 7, metric.WithAttributes(attrs))
		}
	}
	list := x.Instruments(func(name string) bool { return name == "queue.depth" })
	if len(list) != 1 || len(list[0].Series) != 2 || list[0].Series[0].Value != 7 || list[0].Kind != "gauge" {
		t.Errorf("%+v", list)
	}
}

func TestEachSpanLeavesOutTheTimeOfWhichFailedOnesAreLeftAlone(t *testing.T) {
	x := newRig(t, 0)
	at := time.Now()
	_, failed := x.Span(t.Context(), "failed", trace.WithTimestamp(at))
	failed.SetStatus(codes.Error, "")
	failed.End(trace.WithTimestamp(at))
	const n = 60_000
	for range n {
		at = at.Add(time.Millisecond)
		_, s := x.Span(t.Context(), "ok", trace.WithTimestamp(at))
		s.End(trace.WithTimestamp(at))
	}
	seen := map[string]int{}
	x.EachSpan(time.Time{}, func(h *SpanHead) { seen[string(h.Name)]++ })
	if seen["failed"] != 0 || seen["ok"] == 0 || seen["ok"] == n {
		t.Errorf("%v", seen)
	}
}
