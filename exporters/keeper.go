package exporters

import (
	"context"
	"slices"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// keeper watches over the calls of one exporter, whatever its signal.
type keeper interface {
	export(ctx context.Context, items int, call func(context.Context) error) error
	flush(ctx context.Context, call func(context.Context) error) error
	shutdown(ctx context.Context, call func(context.Context) error) error
}

// spans, metrics and records put a keeper around an exporter. They hand on
// slices of their own: an exporter that was given up on may still read them
// when the SDK fills its slice anew.
type (
	spans struct {
		sdktrace.SpanExporter
		keep keeper
	}
	metrics struct {
		sdkmetric.Exporter
		keep keeper
	}
	records struct {
		sdklog.Exporter
		keep keeper
	}
)

// ExportSpans implements [sdktrace.SpanExporter].
func (s spans) ExportSpans(ctx context.Context, batch []sdktrace.ReadOnlySpan) error {
	batch = slices.Clone(batch)
	return s.keep.export(ctx, len(batch), func(ctx context.Context) error {
		return repairing(ctx, batch, s.SpanExporter.ExportSpans, validSpans)
	})
}

// Shutdown implements [sdktrace.SpanExporter].
func (s spans) Shutdown(ctx context.Context) error {
	return s.keep.shutdown(ctx, s.SpanExporter.Shutdown)
}

// Export implements [sdkmetric.Exporter].
func (m metrics) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	own := *rm
	return m.keep.export(ctx, points(rm), func(ctx context.Context) error {
		return repairing(ctx, &own, m.Exporter.Export, validMetrics)
	})
}

// ForceFlush implements [sdkmetric.Exporter].
func (m metrics) ForceFlush(ctx context.Context) error {
	return m.keep.flush(ctx, m.Exporter.ForceFlush)
}

// Shutdown implements [sdkmetric.Exporter].
func (m metrics) Shutdown(ctx context.Context) error {
	return m.keep.shutdown(ctx, m.Exporter.Shutdown)
}

// Export implements [sdklog.Exporter].
func (r records) Export(ctx context.Context, batch []sdklog.Record) error {
	batch = slices.Clone(batch)
	return r.keep.export(ctx, len(batch), func(ctx context.Context) error {
		return repairing(ctx, batch, r.Exporter.Export, validRecords)
	})
}

// ForceFlush implements [sdklog.Exporter].
func (r records) ForceFlush(ctx context.Context) error {
	return r.keep.flush(ctx, r.Exporter.ForceFlush)
}

// Shutdown implements [sdklog.Exporter].
func (r records) Shutdown(ctx context.Context) error {
	return r.keep.shutdown(ctx, r.Exporter.Shutdown)
}

// points counts the data points of a collection.
func points(rm *metricdata.ResourceMetrics) int {
	n := 0
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			n += pointsOf(m.Data)
		}
	}
	return n
}

func pointsOf(data metricdata.Aggregation) int {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		return len(d.DataPoints)
	case metricdata.Gauge[float64]:
		return len(d.DataPoints)
	case metricdata.Sum[int64]:
		return len(d.DataPoints)
	case metricdata.Sum[float64]:
		return len(d.DataPoints)
	case metricdata.Histogram[int64]:
		return len(d.DataPoints)
	case metricdata.Histogram[float64]:
		return len(d.DataPoints)
	case metricdata.ExponentialHistogram[int64]:
		return len(d.DataPoints)
	case metricdata.ExponentialHistogram[float64]:
		return len(d.DataPoints)
	case metricdata.Summary:
		return len(d.DataPoints)
	}
	return 0
}
