package store

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

func TestWhatPanickedIsTold(t *testing.T) {
	x := newRig(t, 0)
	pass := func(name string, does func(s trace.Span)) {
		defer func() { _ = recover() }()
		_, s := x.Span(t.Context(), name)
		defer s.End() // which records a panic that passes
		does(s)
	}
	var none []int
	var unmade map[string]int
	pass("runtime", func(trace.Span) { none[3]++ })
	pass("nil map", func(trace.Span) { unmade["a"]++ })
	pass("type", func(s trace.Span) { _ = any(s).(error) })
	pass("text", func(trace.Span) { panic("impossible") })
	pass("told", func(s trace.Span) { s.SetStatus(codes.Error, "panic: impossible") })
	pass("recorded", func(s trace.Span) { s.RecordError(errors.New("no such user")) })
	pass("failed", func(s trace.Span) { s.SetStatus(codes.Error, "no panic") })
	pass("ok", func(s trace.Span) { s.SetStatus(codes.Ok, "") })

	want := map[string]string{
		"runtime": "runtime error: index out of range [3] with length 0", "nil map": "assignment to entry in nil map",
		"type": "interface conversion", "text": "impossible", "told": "",
	}
	seen := 0
	x.EachSpan(time.Time{}, func(h *SpanHead) {
		seen++
		text, panicked := want[string(h.Name)]
		if h.Panicked != panicked || panicked && !bytes.HasPrefix(h.Exception(), []byte(text)) {
			t.Errorf("%s: panicked %v, %q", h.Name, h.Panicked, h.Exception())
		}
		if h.Failed != (string(h.Name) == "told" || string(h.Name) == "failed") {
			t.Errorf("%s: failed %v", h.Name, h.Failed)
		}
	})
	if seen != 8 {
		t.Errorf("%d spans", seen)
	}
	for _, s := range x.Traces(TraceQuery{Errors: true}).Traces {
		if s.Name != "told" && s.Name != "failed" {
			t.Errorf("%s has not failed", s.Name)
		}
	}
	if list := x.Traces(TraceQuery{Text: "told"}).Traces; len(list) != 1 || list[0].Errors != 1 {
		t.Errorf("%+v", list)
	}
}
