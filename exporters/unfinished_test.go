package exporters_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// A process that dies in the middle of an operation leaves a span of it, which
// the next process sends.
func TestInterruptedOperationIsTold(t *testing.T) {
	r, dir := start(t, oteltest.Options{}), filepath.Join(t.TempDir(), "spool")
	o := to(exporters.Endpoint{URL: r.HTTPURL()})
	o.Dir = dir
	s := newSource(t, o)
	global := otel.GetTracerProvider()
	otel.SetTracerProvider(s.tracers)
	t.Cleanup(func() { otel.SetTracerProvider(global) })
	_, done := bulk.Start(context.Background(), "import")
	_, cut := bulk.Start(context.Background(), "backfill")
	cut.OK()
	var err error
	done.End(&err)
	if err := s.close(t.Context()); err != nil { // the process ends, the operation does not
		t.Fatal(err)
	}
	cut.End(&err)
	if got := operations(r); len(got) != 1 || got["bulk import"] == nil {
		t.Errorf("operations %v", got)
	}

	s = newSource(t, o)
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := operations(r)
	span := got["bulk backfill"]
	if len(got) != 2 || span == nil || span.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR || text(span.GetAttributes(), keys.BulkOperationResult) != "interrupted" {
		t.Errorf("operations %v", got)
	}
	if told := s.told.all(); len(told) != 1 {
		t.Errorf("reported %v", told)
	}
	s = newSource(t, o)
	if err := errors.Join(s.close(t.Context())); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range r.Spans() {
		if s.GetName() == "bulk backfill" {
			n++
		}
	}
	if a := account(t, s.box, exporters.Traces); n != 1 || a.Delivered != a.Created {
		t.Errorf("told %d times; %s", n, a)
	}
}

func operations(r *oteltest.Receiver) map[string]*tracepb.Span {
	all := map[string]*tracepb.Span{}
	for _, s := range r.Spans() {
		if len(s.GetParentSpanId()) == 0 {
			all[s.GetName()] = s
		}
	}
	return all
}

func text(attrs []*commonpb.KeyValue, key string) string {
	for _, a := range attrs {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}
