package main

import (
	"context"
	"errors"
	"io"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/otelmon"
)

// Both sides end in the same: spans and records are dropped as soon as they
// reach a processor, metrics are aggregated and read by nobody. What comes
// after, batches and exporters, is the same code on either side; to leave it
// out makes a ratio stricter, and quieter.

// discard is a tap of otelmon, and the processors of the raw providers.
type discard struct{}

func (discard) SpanProcessor() sdktrace.SpanProcessor { return noSpans{} }
func (discard) MetricReader() sdkmetric.Reader        { return sdkmetric.NewManualReader() }
func (discard) LogProcessor() sdklog.Processor        { return noRecords{} }

type noSpans struct{}

func (noSpans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (noSpans) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (noSpans) ForceFlush(context.Context) error                { return nil }
func (noSpans) Shutdown(context.Context) error                  { return nil }

type noRecords struct{}

func (noRecords) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (noRecords) OnEmit(context.Context, *sdklog.Record) error           { return nil }
func (noRecords) ForceFlush(context.Context) error                       { return nil }
func (noRecords) Shutdown(context.Context) error                         { return nil }

func startOurs(ctx context.Context) (*otelmon.Monitor, error) {
	return otelmon.Start(ctx, otelmon.Config{
		Service:   "bench",
		Exporters: "none",
		Taps:      []otelmon.Tap{discard{}},
		LogOutput: io.Discard,
	})
}

// rawSDK is what one would set up by hand.
type rawSDK struct {
	tracers *sdktrace.TracerProvider
	meters  *sdkmetric.MeterProvider
	loggers *sdklog.LoggerProvider
	tracer  trace.Tracer
	meter   metric.Meter
	headers propagation.TextMapPropagator
}

func startRaw() *rawSDK {
	s := &rawSDK{
		tracers: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(noSpans{})),
		meters:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
		loggers: sdklog.NewLoggerProvider(sdklog.WithProcessor(noRecords{})),
		headers: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	s.tracer, s.meter = s.tracers.Tracer("raw"), s.meters.Meter("raw")
	return s
}

func (s *rawSDK) shutdown(ctx context.Context) error {
	return errors.Join(s.tracers.Shutdown(ctx), s.loggers.Shutdown(ctx), s.meters.Shutdown(ctx))
}

// must is for what cannot fail with the constants of this program.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
