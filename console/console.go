package console

import (
	"cmp"
	"net/http"
	"sync/atomic"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Options configures a Console. The zero value is ready to use.
type Options struct {
	// MaxBytes bounds the telemetry that is kept, all signals together. The
	// default is 32 MiB, taken as it is needed; less than 4 MiB counts as
	// 4 MiB, more than 1 GiB as 1 GiB.
	MaxBytes int

	// AllowRemote decides about requests that do not come from this machine,
	// that a proxy seems to have passed on, or that name another host than
	// localhost. It must check who is asking: the console shows all telemetry.
	// Such requests are refused when it is nil, which is the default, or
	// returns false. It may be called concurrently.
	AllowRemote func(*http.Request) bool
}

const (
	defaultBytes = 32 << 20
	leastBytes   = 4 << 20
	mostBytes    = 1 << 30
)

// Console keeps recent telemetry and shows it. It is a tap of otelmon.Config,
// and its three parts are ordinary OpenTelemetry processors and an ordinary
// reader for those who set up the SDK themselves. All methods are safe for
// concurrent use.
//
// One Console serves one set of providers, from their start to their shutdown;
// what it has is shown until the process ends.
type Console struct {
	allowRemote func(*http.Request) bool
	started     time.Time

	spans      *spanStore
	logs       *logStore
	metrics    *metricStore
	health     *healthTable
	operations *operationTable
	identity   identity
	panics     atomic.Uint64 // of the application's metric callbacks
}

// New returns a Console with nothing in it. It starts no goroutine.
func New(o Options) *Console {
	budget := min(max(cmp.Or(o.MaxBytes, defaultBytes), leastBytes), mostBytes) / 32
	return &Console{
		allowRemote: o.AllowRemote,
		started:     time.Now(),
		spans:       newSpanStore(16 * budget),
		logs:        newLogStore(6 * budget),
		metrics:     newMetricStore(7 * budget),
		operations:  newOperationTable(2 * budget),
		health:      newHealthTable(budget),
	}
}

// SpanProcessor returns the part that takes in spans. It keeps those that are
// recorded, sampled or not.
func (c *Console) SpanProcessor() sdktrace.SpanProcessor { return spanTap{c} }

// LogProcessor returns the part that takes in log records.
func (c *Console) LogProcessor() sdklog.Processor { return logTap{c} }

// MetricReader returns the part that reads metrics, the same at each call. The
// first call starts a goroutine that reads them every five seconds; the
// reader's Shutdown, which a meter provider calls at its own, stops it and
// waits for it.
func (c *Console) MetricReader() sdkmetric.Reader {
	c.metrics.mu.Lock()
	defer c.metrics.mu.Unlock()
	if c.metrics.sampler == nil {
		c.metrics.sampler = startSampler(c)
	}
	return c.metrics.sampler
}
