package bulk

import (
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// instruments are all that the package measures with.
type instruments struct {
	items, failures, retries, io metric.Int64ObservableCounter
	stageTime                    metric.Float64ObservableCounter
	active, usage                metric.Int64ObservableUpDownCounter
	progress, throughput, eta    metric.Float64ObservableGauge
	idle                         metric.Float64ObservableGauge
	duration                     metric.Float64Histogram
	throttles                    metric.Int64ObservableCounter
	limit, batch                 metric.Int64ObservableUpDownCounter
}

func newInstruments(m metric.Meter) (in instruments, err error) {
	var e [15]error
	in.items, e[0] = m.Int64ObservableCounter(keys.BulkItems, metric.WithUnit("{item}"),
		metric.WithDescription("Items of bulk operations by outcome."))
	in.failures, e[14] = m.Int64ObservableCounter(keys.BulkItemFailures, metric.WithUnit("{item}"),
		metric.WithDescription("Items of bulk operations that failed, by the type of the error."))
	in.io, e[1] = m.Int64ObservableCounter(keys.BulkIO, metric.WithUnit("By"),
		metric.WithDescription("Bytes read or written by bulk operations."))
	in.stageTime, e[2] = m.Float64ObservableCounter(keys.BulkStageTime, metric.WithUnit("s"),
		metric.WithDescription("Time spent in a stage, added up over all goroutines in it."))
	in.active, e[3] = m.Int64ObservableUpDownCounter(keys.BulkOperationActive, metric.WithUnit("{operation}"),
		metric.WithDescription("Bulk operations that are running."))
	in.usage, e[4] = m.Int64ObservableUpDownCounter(keys.BulkConcurrencyUsage, metric.WithUnit("{worker}"),
		metric.WithDescription("Workers that running bulk operations have open."))
	in.progress, e[5] = m.Float64ObservableGauge(keys.BulkOperationProgress, metric.WithUnit("1"),
		metric.WithDescription("Share of the known total that is done, from 0 to 1."))
	in.throughput, e[6] = m.Float64ObservableGauge(keys.BulkOperationThroughput, metric.WithUnit("{item}/s"),
		metric.WithDescription("Items per second lately."))
	in.eta, e[7] = m.Float64ObservableGauge(keys.BulkOperationETA, metric.WithUnit("s"),
		metric.WithDescription("Estimated time to the end; absent while unknown or stalled."))
	in.duration, e[8] = m.Float64Histogram(keys.BulkOperationDuration, metric.WithUnit("s"),
		metric.WithDescription("Duration of bulk operations, from start to end."),
		metric.WithExplicitBucketBoundaries(0.1, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 604800))
	in.throttles, e[11] = m.Int64ObservableCounter(keys.BulkThrottles, metric.WithUnit("{response}"),
		metric.WithDescription("Batches that backends refused as too much."))
	in.limit, e[12] = m.Int64ObservableUpDownCounter(keys.BulkConcurrencyLimit, metric.WithUnit("{worker}"),
		metric.WithDescription("Workers that running bulk operations may have at once."))
	in.batch, e[13] = m.Int64ObservableUpDownCounter(keys.BulkBatchLimit, metric.WithUnit("{item}"),
		metric.WithDescription("Items that a batch may have; of several operations, the most."))
	in.retries, e[9] = m.Int64ObservableCounter(keys.BulkItemRetries, metric.WithUnit("{retry}"),
		metric.WithDescription("Attempts at items of bulk operations that failed and were made again."))
	in.idle, e[10] = m.Float64ObservableGauge(keys.BulkOperationIdleTime, metric.WithUnit("s"),
		metric.WithDescription("Time since a running operation last made progress; of several, the longest."))
	return in, errors.Join(e[:]...)
}
