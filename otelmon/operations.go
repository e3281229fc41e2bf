package otelmon

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// kept is the key in the trace state that marks a span as sampled for what it
// is, and not for its trace.
const kept = "otelmon"

// KeepOperations returns a sampler that samples every span of package bulk, of
// which there are at most 300 a day for each operation, and leaves all others to
// the given sampler: also those below an operation, which it judges as if the
// operation were not there. A ratio of traces would throw away nearly all
// operations, each of which is the only one of its kind for hours.
//
// [Start] uses it, unless the sampler is one of the always_off ones. For an SDK
// that is set up otherwise:
//
//	sdktrace.WithSampler(otelmon.KeepOperations(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(0.01))))
func KeepOperations(others sdktrace.Sampler) sdktrace.Sampler { return keepOperations{others} }

type keepOperations struct{ others sdktrace.Sampler }

func (k keepOperations) Description() string { return "KeepOperations{" + k.others.Description() + "}" }

func (k keepOperations) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	marked := parent.TraceState().Get(kept) != ""
	if marked {
		p.ParentContext = trace.ContextWithSpanContext(p.ParentContext, trace.SpanContext{})
	}
	result := k.others.ShouldSample(p)
	if marked {
		result.Tracestate = parent.TraceState()
	}
	switch {
	case result.Decision == sdktrace.RecordAndSample && !marked:
	case result.Decision != sdktrace.RecordAndSample && ofOperation(p.Attributes):
		result.Decision = sdktrace.RecordAndSample
		if state, err := result.Tracestate.Insert(kept, "operation"); err == nil {
			result.Tracestate = state
		}
	case marked:
		result.Tracestate = result.Tracestate.Delete(kept)
	}
	return result
}

func ofOperation(attrs []attribute.KeyValue) bool {
	for _, a := range attrs {
		if a.Key == keys.BulkOperationID {
			return true
		}
	}
	return false
}

// SpanEvents is a [Tap] that adds each event, which is a log record with an
// event name, to the span that it was emitted in, for backends that show traces
// only. The record goes on to the exporters all the same. It is the event to
// span event bridge of the OpenTelemetry specification: the span must be the one
// of the context and must still be recording. The body and the severity stay
// with the record.
//
// Events of package bulk are left out: its spans have their own, which are few
// and evenly spread, while these would displace them beyond the limit of 128.
//
// Under an SDK that is set up otherwise, pass SpanEvents{}.LogProcessor() to its
// logger provider.
type SpanEvents struct{}

var _ Tap = SpanEvents{}

// SpanProcessor returns nil.
func (SpanEvents) SpanProcessor() sdktrace.SpanProcessor { return nil }

// MetricReader returns nil.
func (SpanEvents) MetricReader() sdkmetric.Reader { return nil }

// LogProcessor returns the bridge. It holds nothing, so it needs no shutdown.
func (SpanEvents) LogProcessor() sdklog.Processor { return bridge{} }

type bridge struct{}

func (bridge) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (bridge) Shutdown(context.Context) error                         { return nil }
func (bridge) ForceFlush(context.Context) error                       { return nil }

func (bridge) OnEmit(ctx context.Context, r *sdklog.Record) error {
	span := trace.SpanFromContext(ctx)
	sc := span.SpanContext()
	if r.EventName() == "" || !span.IsRecording() || sc.SpanID() != r.SpanID() || sc.TraceID() != r.TraceID() ||
		r.InstrumentationScope().Name == keys.ScopeBulk {
		return nil
	}
	attrs := make([]attribute.KeyValue, 0, r.AttributesLen())
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		attrs = append(attrs, kv)
		return true
	})
	at := r.Timestamp()
	if at.IsZero() {
		at = r.ObservedTimestamp()
	}
	span.AddEvent(r.EventName(), trace.WithTimestamp(at), trace.WithAttributes(attrs...))
	return nil
}
