package exporters

import (
	"context"
	"io"
	"os"
	"sync"

	"go.opentelemetry.io/otel/exporters/stdout/stdoutlog"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Console writes telemetry as lines of JSON, for eyes and for tests. All
// exporters of one Console may write at the same time: lines stay whole.
type Console struct {
	mu sync.Mutex
	w  io.Writer
}

// NewConsole returns a Console that writes to w; nil means os.Stdout. The
// writer stays the caller's to close.
func NewConsole(w io.Writer) *Console {
	if w == nil {
		w = os.Stdout
	}
	return &Console{w: w}
}

// Write writes p in one piece.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.w.Write(p)
}

// Traces returns an exporter that writes one line a span.
func (c *Console) Traces(context.Context) (sdktrace.SpanExporter, error) {
	return stdouttrace.New(stdouttrace.WithWriter(c))
}

// Metrics returns an exporter that writes one line a collection. A nil
// temporality means cumulative, a nil aggregation the SDK's default.
func (c *Console) Metrics(_ context.Context, temporality sdkmetric.TemporalitySelector, aggregation sdkmetric.AggregationSelector) (sdkmetric.Exporter, error) {
	opts := []stdoutmetric.Option{stdoutmetric.WithWriter(c)}
	if temporality != nil {
		opts = append(opts, stdoutmetric.WithTemporalitySelector(temporality))
	}
	if aggregation != nil {
		opts = append(opts, stdoutmetric.WithAggregationSelector(aggregation))
	}
	return stdoutmetric.New(opts...)
}

// Logs returns an exporter that writes one line a log record.
func (c *Console) Logs(context.Context) (sdklog.Exporter, error) {
	return stdoutlog.New(stdoutlog.WithWriter(c))
}
