package store

import (
	"cmp"
	"sync/atomic"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	defaultBytes = 32 << 20
	leastBytes   = 4 << 20
	mostBytes    = 1 << 30
)

// Limits of an answer that is a list. One below zero lets nothing through.
const (
	UsualLimit = 100
	MaxLimit   = 500
)

// limited returns at most limit of a list, and whether that leaves some out.
func limited[T any](list []T, limit int) (some []T, truncated bool) {
	n := min(max(limit, 0), len(list))
	return list[:n], n < len(list)
}

// Store keeps recent telemetry and answers questions about it. Its three parts
// are ordinary OpenTelemetry processors and an ordinary reader, and it is a tap
// of otelmon.Config. All methods are safe for concurrent use.
//
// One Store serves one set of providers, from their start to their shutdown;
// what it has can be asked for until the process ends.
type Store struct {
	started time.Time

	spans      *spanStore
	logs       *logStore
	metrics    *metricStore
	health     *healthTable
	operations *operationTable
	settings   settingTable
	identity   identity
	panics     atomic.Uint64 // of the application's metric callbacks
}

// New returns a Store with nothing in it, which keeps at most maxBytes, all
// signals together, taken as they are needed. Zero means 32 MiB; less than
// 4 MiB counts as 4 MiB, more than 1 GiB as 1 GiB. It starts no goroutine.
func New(maxBytes int) *Store {
	budget := min(max(cmp.Or(maxBytes, defaultBytes), leastBytes), mostBytes) / 32
	return &Store{
		started:    time.Now(),
		spans:      newSpanStore(15 * budget),
		logs:       newLogStore(5 * budget),
		metrics:    newMetricStore(9*budget - settingBytes),
		operations: newOperationTable(2 * budget),
		health:     newHealthTable(budget),
	}
}

// SpanProcessor returns the part that takes in spans. It keeps those that are
// recorded, sampled or not.
func (st *Store) SpanProcessor() sdktrace.SpanProcessor { return spanTap{st} }

// LogProcessor returns the part that takes in log records.
func (st *Store) LogProcessor() sdklog.Processor { return logTap{st} }

// MetricReader returns the part that reads metrics, the same at each call. The
// first call starts a goroutine that reads them every five seconds; the
// reader's Shutdown, which a meter provider calls at its own, stops it and
// waits for it.
func (st *Store) MetricReader() sdkmetric.Reader {
	st.metrics.mu.Lock()
	defer st.metrics.mu.Unlock()
	if st.metrics.sampler == nil {
		st.metrics.sampler = startSampler(st)
	}
	return st.metrics.sampler
}
