package exporters

import (
	"cmp"
	"context"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
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

const defaultTimeout = 10 * time.Second

// Endpoint is an OTLP receiver and how to reach it. The zero value is a
// collector on this machine, http://localhost:4318 without compression. Only
// http:// and Insecure ask for plain text. The environment is not read, but for
// the proxy variables that [net/http.ProxyFromEnvironment] knows.
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
	// Headers go with every request, for example an API key. Their values are
	// never part of an error.
	Headers map[string]string
	// TokenFile is a file that holds a bearer token, sent as the header
	// Authorization. It is read again when it has changed and when the receiver
	// turns the token down, so that a rotation needs no restart. White space
	// around the token does not count. The token is never part of an error.
	TokenFile string
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

// timeout returns the time for one batch.
func (e Endpoint) timeout() time.Duration { return cmp.Or(e.Timeout, defaultTimeout) }

// retry has the fields of every exporter's RetryConfig, so that it converts to
// each. The official default waits 5 s before the first retry, which leaves
// room for only one within the default timeout.
type retry struct {
	Enabled         bool
	InitialInterval time.Duration
	MaxInterval     time.Duration
	MaxElapsedTime  time.Duration
}

func (e Endpoint) retry() retry {
	return retry{Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: e.timeout()}
}

// Traces returns the official OTLP exporter for spans. The caller shuts it
// down. The error is that of [Endpoint.Validate].
func (e Endpoint) Traces(ctx context.Context) (sdktrace.SpanExporter, error) {
	w, err := e.wire("/v1/traces")
	if err != nil {
		return nil, err
	}
	var official sdktrace.SpanExporter
	if w.conn != nil {
		official, err = otlptracegrpc.New(ctx, otlptracegrpc.WithGRPCConn(w.conn), otlptracegrpc.WithHeaders(e.Headers),
			otlptracegrpc.WithTimeout(e.timeout()), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig(e.retry())))
	} else {
		official, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(w.url), otlptracehttp.WithHTTPClient(w.client),
			otlptracehttp.WithTLSClientConfig(nil), otlptracehttp.WithHeaders(e.Headers),
			otlptracehttp.WithCompression(otlptracehttp.Compression(w.compression)),
			otlptracehttp.WithRetry(otlptracehttp.RetryConfig(e.retry())))
	}
	if err != nil {
		w.release()
		return nil, err
	}
	return spans{official, w}, nil
}

// Metrics returns the official OTLP exporter for metrics. A nil temporality
// means cumulative, a nil aggregation the SDK's default. The caller shuts it
// down. The error is that of [Endpoint.Validate].
func (e Endpoint) Metrics(ctx context.Context, temporality sdkmetric.TemporalitySelector, aggregation sdkmetric.AggregationSelector) (sdkmetric.Exporter, error) {
	w, err := e.wire("/v1/metrics")
	if err != nil {
		return nil, err
	}
	if temporality == nil {
		temporality = sdkmetric.CumulativeTemporalitySelector
	}
	if aggregation == nil {
		aggregation = sdkmetric.DefaultAggregationSelector
	}
	var official sdkmetric.Exporter
	if w.conn != nil {
		official, err = otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithGRPCConn(w.conn), otlpmetricgrpc.WithHeaders(e.Headers),
			otlpmetricgrpc.WithTimeout(e.timeout()), otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig(e.retry())),
			otlpmetricgrpc.WithTemporalitySelector(temporality), otlpmetricgrpc.WithAggregationSelector(aggregation))
	} else {
		official, err = otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(w.url), otlpmetrichttp.WithHTTPClient(w.client),
			otlpmetrichttp.WithTLSClientConfig(nil), otlpmetrichttp.WithHeaders(e.Headers),
			otlpmetrichttp.WithCompression(otlpmetrichttp.Compression(w.compression)),
			otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig(e.retry())),
			otlpmetrichttp.WithTemporalitySelector(temporality), otlpmetrichttp.WithAggregationSelector(aggregation))
	}
	if err != nil {
		w.release()
		return nil, err
	}
	return metrics{official, w}, nil
}

// Logs returns the official OTLP exporter for log records. The caller shuts it
// down. The error is that of [Endpoint.Validate].
func (e Endpoint) Logs(ctx context.Context) (sdklog.Exporter, error) {
	w, err := e.wire("/v1/logs")
	if err != nil {
		return nil, err
	}
	var official sdklog.Exporter
	if w.conn != nil {
		official, err = otlploggrpc.New(ctx, otlploggrpc.WithGRPCConn(w.conn), otlploggrpc.WithHeaders(e.Headers),
			otlploggrpc.WithTimeout(e.timeout()), otlploggrpc.WithRetry(otlploggrpc.RetryConfig(e.retry())))
	} else {
		official, err = otlploghttp.New(ctx, otlploghttp.WithEndpointURL(w.url), otlploghttp.WithHTTPClient(w.client),
			otlploghttp.WithTLSClientConfig(nil), otlploghttp.WithHeaders(e.Headers),
			otlploghttp.WithCompression(otlploghttp.Compression(w.compression)),
			otlploghttp.WithRetry(otlploghttp.RetryConfig(e.retry())))
	}
	if err != nil {
		w.release()
		return nil, err
	}
	return records{official, w}, nil
}
