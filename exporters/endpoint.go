package exporters

import (
	"context"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The protocols of [Endpoint.Protocol].
const (
	ProtocolHTTP = "http/protobuf"
	ProtocolGRPC = "grpc"
)

// The compressions of [Endpoint.Compression].
const (
	CompressionNone = "none"
	CompressionGzip = "gzip"
)

// Endpoint is an OTLP receiver and how to reach it. The zero value is a
// collector on this machine, http://localhost:4318 without compression. Only
// http:// asks for plain text; the environment is not read, but for the proxy
// variables that [net/http.ProxyFromEnvironment] knows.
type Endpoint struct {
	// URL starts with http:// or https:// and names the receiver. Empty means
	// http://localhost:4318 or, for gRPC, http://localhost:4317. For gRPC it may
	// also be host:port with Insecure.
	URL string
	// Exact sends to URL as it is. Otherwise OTLP over HTTP appends /v1/traces,
	// /v1/metrics or /v1/logs. Without effect for gRPC.
	Exact bool
	// Protocol is ProtocolHTTP, the default, or ProtocolGRPC.
	Protocol string
	// Headers go with every request, for example an API key. They are never
	// part of an error.
	Headers map[string]string
	// Compression is CompressionNone, the default, or CompressionGzip.
	Compression string
	// Timeout is for one batch with all its retries. 0 means 10 s.
	Timeout time.Duration
	// CertificateFile holds the PEM certificates to trust instead of the
	// system's.
	CertificateFile string
	// ClientCertificateFile and ClientKeyFile hold the PEM pair that the client
	// shows to a server that asks for it.
	ClientCertificateFile string
	ClientKeyFile         string
	// Insecure asks for plain text when a gRPC URL has no scheme.
	Insecure bool
}

// Traces returns the official OTLP exporter for spans. The caller shuts it
// down. The error is that of [Endpoint.Validate].
func (e Endpoint) Traces(ctx context.Context) (sdktrace.SpanExporter, error) { return nil, nil }

// Metrics returns the official OTLP exporter for metrics. A nil temporality means
// cumulative, a nil aggregation the SDK's default. The caller shuts it down.
// The error is that of [Endpoint.Validate].
func (e Endpoint) Metrics(ctx context.Context, temporality sdkmetric.TemporalitySelector, aggregation sdkmetric.AggregationSelector) (sdkmetric.Exporter, error) {
	return nil, nil
}

// Logs returns the official OTLP exporter for log records. The caller shuts it
// down. The error is that of [Endpoint.Validate].
func (e Endpoint) Logs(ctx context.Context) (sdklog.Exporter, error) { return nil, nil }

// Validate reports every fault of the endpoint, joined, each with what to
// change. It reads the certificate files but opens no connection.
func (e Endpoint) Validate() error { return nil }
