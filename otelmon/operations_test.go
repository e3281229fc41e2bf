package otelmon

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

var bulkAttributes = trace.WithAttributes(attribute.String(keys.BulkOperationID, "1"))

func TestOperationsAreSampledAndNothingBelowThem(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans),
		sdktrace.WithSampler(KeepOperations(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(1e-18)))))
	tracer := provider.Tracer("test")
	ctx, request := tracer.Start(t.Context(), "request")
	ctx, op := tracer.Start(ctx, "bulk x", bulkAttributes)
	_, segment := tracer.Start(ctx, "bulk.segment", bulkAttributes)
	segment.End()
	for range 100 {
		below, item := tracer.Start(ctx, "item")
		if item.SpanContext().TraceState().Len() > 0 {
			t.Fatalf("the trace state %q goes on to other services", item.SpanContext().TraceState())
		}
		_, query := tracer.Start(below, "query")
		query.End()
		item.End()
	}
	op.End()
	request.End()
	var names []string
	for _, s := range spans.Ended() {
		names = append(names, s.Name())
	}
	if got := strings.Join(names, ", "); got != "bulk.segment, bulk x" {
		t.Errorf("sampled: %s; want the operation and its segment", got)
	}
}

func TestSampledTracesStayWhole(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans),
		sdktrace.WithSampler(KeepOperations(sdktrace.ParentBased(sdktrace.AlwaysSample()))))
	ctx, op := provider.Tracer("test").Start(t.Context(), "bulk x", bulkAttributes)
	_, item := provider.Tracer("test").Start(ctx, "item")
	item.End()
	op.End()
	if n := len(spans.Ended()); n != 2 || op.SpanContext().TraceState().Len() > 0 {
		t.Errorf("%d spans, trace state %q; want both and none", n, op.SpanContext().TraceState())
	}
}

func TestStartKeepsOperations(t *testing.T) {
	for name, want := range map[string]bool{
		"traceidratio": true, "parentbased_traceidratio": true, "parentbased_always_on": true,
		"always_on": false, "always_off": false, "parentbased_always_off": false,
	} {
		if got := strings.HasPrefix(keeping(name, sampler(name, 0)).Description(), "KeepOperations{"); got != want {
			t.Errorf("%s keeps operations: %v, want %v", name, got, want)
		}
	}
}

func TestEventsBecomeSpanEvents(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	logs := sdklog.NewLoggerProvider(sdklog.WithProcessor(SpanEvents{}.LogProcessor()))
	emit := func(ctx context.Context, scope, name string, at time.Time) {
		var r log.Record
		r.SetEventName(name)
		r.SetTimestamp(at)
		r.AddAttributes(attribute.Int("n", 7))
		logs.Logger(scope).Emit(ctx, r)
	}
	at := time.Unix(1000, 0)
	ctx, span := tracer.Start(t.Context(), "request")
	emit(ctx, "shop", "cart.emptied", at)
	emit(ctx, "shop", "", at)
	emit(ctx, keys.ScopeBulk, keys.EventBulkProgress, at)
	emit(t.Context(), "shop", "no.span", at)
	emit(ctx, "shop", "now", time.Time{})
	span.End()
	emit(ctx, "shop", "too.late", at)
	events := spans.Ended()[0].Events()
	if len(events) != 2 || events[0].Name != "cart.emptied" || !events[0].Time.Equal(at) || events[1].Name != "now" || events[1].Time.IsZero() {
		t.Fatalf("events = %+v, want the two that were emitted in the span", events)
	}
	if a := events[0].Attributes; len(a) != 1 || a[0] != attribute.Int("n", 7) {
		t.Errorf("attributes = %v", a)
	}
}
