package exporters

import (
	"context"
	"errors"
	"sync"
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
// ignores the context. While such a call is still stuck, further batches fail
// rather than pile up behind it.
type Delivery struct {
	delivered atomic.Int64
	failed    atomic.Int64
	last      atomic.Pointer[failure]

	once    sync.Once
	gone    context.Context //nolint:containedctx // the end of the delivery itself, not of a call
	abandon context.CancelFunc
}

type failure struct {
	err error
	at  time.Time
}

// DeliverySnapshot is what a [Delivery] counted up to a moment.
type DeliverySnapshot struct {
	Delivered int64     // items that the backend accepted
	Failed    int64     // items given up or rejected by the backend
	LastError error     // of the newest failed export; nil if none failed
	LastTime  time.Time // of LastError
}

// Snapshot returns the counts so far.
func (d *Delivery) Snapshot() DeliverySnapshot {
	s := DeliverySnapshot{Delivered: d.delivered.Load(), Failed: d.failed.Load()}
	if last := d.last.Load(); last != nil {
		s.LastError, s.LastTime = last.err, last.at
	}
	return s
}

// Abandon ends the running exports and makes all later ones fail at once, so
// that a processor that drains its queue into them comes to its end. What they
// would have carried counts as failed, with the last error before this one as
// the cause. It may be called more than once.
func (d *Delivery) Abandon() {
	d.end()
	d.abandon()
}

// end is done once the delivery is abandoned.
func (d *Delivery) end() context.Context {
	d.once.Do(func() { d.gone, d.abandon = context.WithCancel(context.Background()) })
	return d.gone
}

// until returns a context that Abandon ends too.
func (d *Delivery) until(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if d.end().Err() != nil {
		cancel(errAbandoned)
	}
	stop := context.AfterFunc(d.end(), func() { cancel(errAbandoned) })
	return ctx, func() { stop(); cancel(nil) }
}

var errAbandoned = errors.New("given up")

// Traces returns the exporter with its spans counted.
func (d *Delivery) Traces(exporter sdktrace.SpanExporter) sdktrace.SpanExporter {
	return spans{exporter, newShield(d)}
}

// Metrics returns the exporter with its data points counted.
func (d *Delivery) Metrics(exporter sdkmetric.Exporter) sdkmetric.Exporter {
	return metrics{exporter, newShield(d)}
}

// Logs returns the exporter with its log records counted.
func (d *Delivery) Logs(exporter sdklog.Exporter) sdklog.Exporter {
	return records{exporter, newShield(d)}
}

// count settles the account of one export.
func (d *Delivery) count(items int, err error) {
	rejected, partial := rejections(err)
	switch {
	case err == nil:
		d.delivered.Add(int64(items))
		return
	case partial:
		rejected = min(rejected, int64(items))
		d.delivered.Add(int64(items) - rejected)
		d.failed.Add(rejected)
	default:
		d.failed.Add(int64(items))
	}
	if d.end().Err() != nil && d.last.Load() != nil {
		return
	}
	d.last.Store(&failure{err: err, at: time.Now()})
}
