package otelmon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Begin starts an operation; the function it returns ends it:
//
//	func charge(ctx context.Context, card Card) (err error) {
//		ctx, end := otelmon.Begin(ctx, "charge-card")
//		defer end(&err)
//
// The operation is a span called name, carrying attrs, and one measurement in
// the histogram otelmon.operation.duration (seconds), whose only attributes
// are the name and, when it failed, error.type. So name must come from a small
// fixed set, while attrs may be anything.
//
// Through the pointer, end sees the error that the function returns: the
// span's status becomes Error and error.type a class of it: "canceled",
// "timeout", what an ErrorType() string method says, or the error's Go type.
// end(nil) is for a function without an error. A panic that passes a deferred
// end is recorded and goes on.
//
// It uses the global providers and is safe for concurrent use; end is called
// once.
func Begin(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, func(*error)) {
	op := operations()
	start := time.Now()
	ctx, span := op.tracer.Start(ctx, name, trace.WithTimestamp(start), trace.WithAttributes(attrs...)) //nolint:spancheck // the returned function ends it
	return ctx, func(errp *error) {                                                                     //nolint:spancheck // it ends the span
		r := recover()
		var err error
		if errp != nil {
			err = *errp
		}
		op.end(ctx, span, name, time.Since(start), err, r)
		if r != nil {
			panic(r)
		}
	}
}

// operation holds what Begin needs from one pair of global providers.
type operation struct {
	tracers  trace.TracerProvider
	meters   metric.MeterProvider
	tracer   trace.Tracer
	duration metric.Float64Histogram
	sets     sync.Map // name -> []metric.RecordOption
	size     atomic.Int32
}

// current caches the tracer and the histogram: to ask the providers for them
// at each call would cost more than the span. It follows the globals when they
// are replaced.
var current atomic.Pointer[operation] //nolint:gochecknoglobals // a cache of OTel's own globals

func operations() *operation {
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	if op := current.Load(); op != nil && op.tracers == tracers && op.meters == meters {
		return op
	}
	duration, err := meters.Meter(keys.ScopeOtelmon).Float64Histogram(
		keys.OperationDuration,
		metric.WithUnit("s"), metric.WithDescription("Duration of operations begun with otelmon.Begin."),
		metric.WithExplicitBucketBoundaries(secondsBuckets()...),
	)
	report(err)
	op := &operation{tracers: tracers, meters: meters, tracer: tracers.Tracer(keys.ScopeOtelmon), duration: duration}
	current.Store(op)
	return op
}

func (op *operation) end(ctx context.Context, span trace.Span, name string, took time.Duration, err error, panicked any) {
	options := op.options(name)
	switch {
	case panicked != nil:
		options = op.fail(span, name, "panic", fmt.Errorf("panic: %v", panicked))
	case err != nil:
		options = op.fail(span, name, errorType(err), err)
	}
	op.duration.Record(ctx, took.Seconds(), options...)
	span.End()
}

func (op *operation) fail(span trace.Span, name, class string, err error) []metric.RecordOption {
	span.SetAttributes(attribute.String(keys.ErrorType, class))
	span.SetStatus(codes.Error, err.Error())
	return []metric.RecordOption{metric.WithAttributes(
		attribute.String(keys.OperationName, name), attribute.String(keys.ErrorType, class),
	)}
}

// maxNames bounds the cache: a caller that makes up names pays, not the heap.
const maxNames = 1000

func (op *operation) options(name string) []metric.RecordOption {
	if o, ok := op.sets.Load(name); ok {
		return o.([]metric.RecordOption)
	}
	o := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attribute.String(keys.OperationName, name)))}
	if op.size.Add(1) <= maxNames {
		op.sets.Store(name, o)
	}
	return o
}

// errorType is semconv's, but for the errors of every context, which are
// better told by what happened than by their Go types.
func errorType(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return semconv.ErrorType(err).Value.AsString()
}
