package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const scope = "example.com/rawsetup"

// setUp starts the three signals. The exporters read their endpoint, headers,
// certificates and so on from the environment themselves.
func setUp(ctx context.Context, service string) (shutdown func(context.Context) error, err error) {
	res, err := describe(ctx, service)
	if err != nil {
		slog.Warn("resource", "error", err)
	}
	spans, err := spanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	metrics, err := metricExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	records, err := logExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithBatcher(spans))
	meters := sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(res),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics, sdkmetric.WithProducer(runtime.NewProducer()))),
		sdkmetric.WithView(seconds),
	)
	loggers := sdklog.NewLoggerProvider(
		sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(records)),
	)

	console := withIDs{slog.NewJSONHandler(os.Stderr, nil)}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		slog.New(console).Warn("telemetry", "error", err)
	}))
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{},
	))
	otel.SetTracerProvider(tracers)
	otel.SetMeterProvider(meters)
	otel.SetLoggerProvider(loggers)
	slog.SetDefault(slog.New(slog.NewMultiHandler(
		console, otelslog.NewHandler(scope, otelslog.WithLoggerProvider(loggers)),
	)))
	if err := runtime.Start(runtime.WithMeterProvider(meters)); err != nil {
		return nil, fmt.Errorf("runtime metrics: %w", err)
	}
	return func(ctx context.Context) error {
		return errors.Join(tracers.Shutdown(ctx), loggers.Shutdown(ctx), meters.Shutdown(ctx))
	}, nil
}

func describe(ctx context.Context, service string) (*resource.Resource, error) {
	var build []attribute.KeyValue
	if info, ok := debug.ReadBuildInfo(); ok {
		build = append(build, semconv.ServiceVersion(info.Main.Version))
	}
	return resource.New(
		ctx,
		resource.WithService(),
		resource.WithAttributes(build...),
		resource.WithHost(),
		resource.WithOS(),
		resource.WithContainer(),
		resource.WithProcessPID(),
		resource.WithProcessExecutableName(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
		resource.WithAttributes(semconv.ServiceName(service)),
	)
}

// seconds replaces boundaries that are meant for milliseconds.
func seconds(i sdkmetric.Instrument) (sdkmetric.Stream, bool) {
	return sdkmetric.Stream{
		Name: i.Name, Description: i.Description, Unit: i.Unit,
		Aggregation: sdkmetric.AggregationExplicitBucketHistogram{
			Boundaries: []float64{.001, .0025, .005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30, 60},
		},
	}, i.Kind == sdkmetric.InstrumentKindHistogram && i.Unit == "s"
}

// withIDs joins a line on the console with its trace.
type withIDs struct{ slog.Handler }

func (h withIDs) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}
