package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/otelmon"
)

var errDeclined = errors.New("card declined")

func spans(raw *rawSDK) []pair {
	global := otel.Tracer("bench")
	return append(
		operations(raw.tracer, raw.meter, thin()),
		pair{
			name: "span of the global tracer provider", bound: thin(),
			ours:  func(n int) { startAndEnd(global, n) },
			other: func(n int) { startAndEnd(raw.tracer, n) },
		},
	)
}

func startAndEnd(tracer trace.Tracer, n int) {
	ctx := context.Background()
	for range n {
		_, span := tracer.Start(ctx, "charge-card")
		span.End()
	}
}

// operations compares Begin with what one would write in its place.
func operations(tracer trace.Tracer, meter metric.Meter, b bound) []pair {
	duration := must(meter.Float64Histogram("operation.duration", metric.WithUnit("s"), buckets()))
	name := attribute.String("otelmon.operation.name", "charge-card")
	o := byHand{
		tracer: tracer, duration: duration, name: name,
		ok: []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(name))},
	}
	ctx := context.Background()
	loop := func(do func(context.Context, error, ...attribute.KeyValue) error, err error, attrs ...attribute.KeyValue) work {
		return func(n int) {
			for range n {
				_ = do(ctx, err, attrs...)
			}
		}
	}
	return []pair{
		{name: "span (Begin)", bound: b, ours: loop(begin, nil), other: loop(o.charge, nil)},
		{
			name: "span (Begin) with 3 attributes", bound: b,
			ours: loop(begin, nil, labels()...), other: loop(o.charge, nil, labels()...),
		},
		{
			name: "span (Begin) of a failure", bound: b,
			ours: loop(begin, errDeclined), other: loop(o.charge, errDeclined),
		},
	}
}

func begin(ctx context.Context, fault error, attrs ...attribute.KeyValue) (err error) {
	_, end := otelmon.Begin(ctx, "charge-card", attrs...)
	defer end(&err)
	return fault
}

// byHand does what Begin does, with everything prebuilt that can be: the type
// of an error is known only when it happens.
type byHand struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
	name     attribute.KeyValue
	ok       []metric.RecordOption
}

func (o *byHand) charge(ctx context.Context, fault error, attrs ...attribute.KeyValue) (err error) {
	var span trace.Span
	start := time.Now()
	if len(attrs) == 0 {
		ctx, span = o.tracer.Start(ctx, "charge-card")
	} else {
		ctx, span = o.tracer.Start(ctx, "charge-card", trace.WithAttributes(attrs...))
	}
	defer func() {
		r := recover()
		o.end(ctx, span, start, err, r)
		if r != nil {
			panic(r)
		}
	}()
	return fault
}

func (o *byHand) end(ctx context.Context, span trace.Span, start time.Time, err error, panicked any) {
	switch {
	case panicked != nil:
		o.fail(ctx, span, start, semconv.ErrorTypeKey.String("panic"), fmt.Sprint(panicked))
	case err != nil:
		o.fail(ctx, span, start, semconv.ErrorType(err), err.Error())
	default:
		o.duration.Record(ctx, time.Since(start).Seconds(), o.ok...)
	}
	span.End()
}

func (o *byHand) fail(ctx context.Context, span trace.Span, start time.Time, class attribute.KeyValue, text string) {
	span.SetAttributes(class)
	span.SetStatus(codes.Error, text)
	o.duration.Record(ctx, time.Since(start).Seconds(), metric.WithAttributes(o.name, class))
}
