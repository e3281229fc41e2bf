package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutlog"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// chosen is "console", "grpc" or "http/protobuf", by what the specification
// says and the SDK does not read.
func chosen(signal string) string {
	if os.Getenv("OTEL_"+signal+"_EXPORTER") == "console" {
		return "console"
	}
	return cmp.Or(
		os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL"),
		os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"),
		"http/protobuf",
	)
}

func spanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	switch p := chosen("TRACES"); p {
	case "console":
		return stdouttrace.New()
	case "grpc":
		return otlptracegrpc.New(ctx)
	case "http/protobuf":
		return otlptracehttp.New(ctx)
	default:
		return nil, fmt.Errorf("unknown protocol %q", p)
	}
}

func metricExporter(ctx context.Context) (sdkmetric.Exporter, error) {
	switch p := chosen("METRICS"); p {
	case "console":
		return stdoutmetric.New()
	case "grpc":
		return otlpmetricgrpc.New(ctx)
	case "http/protobuf":
		return otlpmetrichttp.New(ctx)
	default:
		return nil, fmt.Errorf("unknown protocol %q", p)
	}
}

func logExporter(ctx context.Context) (sdklog.Exporter, error) {
	switch p := chosen("LOGS"); p {
	case "console":
		return stdoutlog.New()
	case "grpc":
		return otlploggrpc.New(ctx)
	case "http/protobuf":
		return otlploghttp.New(ctx)
	default:
		return nil, fmt.Errorf("unknown protocol %q", p)
	}
}
