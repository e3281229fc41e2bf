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
		tracer: tracer, duration: duration,
		ok: []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(name))},
		failed: []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(
			name, attribute.String("error.type", "*errors.errorString"),
		))},
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

// byHand does what Begin does, with everything prebuilt that can be.
type byHand struct {
	tracer     trace.Tracer
	duration   metric.Float64Histogram
	ok, failed []metric.RecordOption
}

func (o *byHand) charge(ctx context.Context, fault error, attrs ...attribute.KeyValue) (err error) {
	start := time.Now()
	ctx, span := o.tracer.Start(ctx, "charge-card", trace.WithAttributes(attrs...)) //nolint:spancheck // the deferred function ends it; the error is its status
	defer func() {
		r := recover()
		options := o.ok
		switch {
		case r != nil:
			options = o.failed
			span.SetAttributes(attribute.String("error.type", "panic"))
			span.SetStatus(codes.Error, fmt.Sprint(r))
		case err != nil:
			options = o.failed
			span.SetAttributes(attribute.String("error.type", "*errors.errorString"))
			span.SetStatus(codes.Error, err.Error())
		}
		o.duration.Record(ctx, time.Since(start).Seconds(), options...)
		span.End()
		if r != nil {
			panic(r)
		}
	}()
	return fault //nolint:spancheck // as above
}
