package main

import (
	"slices"
	"testing"
	"testing/fstest"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// record makes recording providers the global ones until the test ends.
func record(t *testing.T) (*tracetest.SpanRecorder, *metric.ManualReader) {
	t.Helper()
	spans, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() {
		otel.SetTracerProvider(tracers)
		otel.SetMeterProvider(meters)
	})
	return spans, reader
}

func named(spans []sdktrace.ReadOnlySpan, name string) []sdktrace.ReadOnlySpan {
	return slices.DeleteFunc(spans, func(s sdktrace.ReadOnlySpan) bool { return s.Name() != name })
}

func TestQueriesAreSpans(t *testing.T) {
	spans, reader := record(t)
	s := newStore(t)
	index(t, s, fstest.MapFS{"a.go": {Data: []byte("package alpha")}, "b.go": {Data: []byte("package alpha")}})
	if got := finds(t, s, "alpha"); len(got) != 2 {
		t.Fatalf("found %q", got)
	}
	if _, _, err := s.find(t.Context(), query{match: `"unbalanced`}); err == nil {
		t.Fatal("a query that is none was answered")
	}

	seen := named(spans.Ended(), "SELECT search")
	if len(seen) != 2 {
		t.Fatalf("%d spans, want one for each query", len(seen))
	}
	for _, want := range []attribute.KeyValue{
		attribute.String("db.system.name", "sqlite"), attribute.String("db.operation.name", "SELECT"),
		attribute.String("db.collection.name", "search"), attribute.String("db.query.text", findFiles().text),
		attribute.Int("db.response.returned_rows", 2),
	} {
		if !slices.Contains(seen[0].Attributes(), want) {
			t.Errorf("no %v on %v", want, seen[0].Attributes())
		}
	}
	if seen[0].SpanKind() != trace.SpanKindClient || seen[0].Status().Code != codes.Unset || seen[1].Status().Code != codes.Error {
		t.Errorf("kind %v, status %v and %v", seen[0].SpanKind(), seen[0].Status(), seen[1].Status())
	}
	if n := measurements(t, reader, "db.client.operation.duration"); n != 2 {
		t.Errorf("%d measurements of 2 queries", n)
	}
	if n := measurements(t, reader, "otelmon.operation.duration"); n != 1 {
		t.Errorf("%d measured commits, want 1", n)
	}
}

// measurements is how many values a histogram has taken in.
func measurements(t *testing.T, reader *metric.ManualReader, name string) (n uint64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if h, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == name {
				for _, point := range h.DataPoints {
					n += point.Count
				}
			}
		}
	}
	return n
}
