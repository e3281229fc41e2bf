package drill

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelmon/otelmon-go/exporters"
)

// item is the name of all that is made. None of it leaves this machine.
const item = "drill"

// trial is the outbox of a scenario, the telemetry that goes in and the receiver
// it goes to.
type trial struct {
	options  exporters.Options
	stand    *stand
	resource *resource.Resource
	box      *exporters.Outbox
	tracers  *sdktrace.TracerProvider
	loggers  *sdklog.LoggerProvider

	begun time.Time
	made  [3]int64                      // by signal
	books map[exporters.Signal]*Account // of the processes that have ended
}

func newTrial(ctx context.Context, o exporters.Options) (*trial, error) {
	s, err := newStand(ctx)
	if err != nil {
		return nil, err
	}
	t := &trial{options: o, stand: s, begun: time.Now(), books: map[exporters.Signal]*Account{}}
	to := o.Destinations[0]
	for _, e := range []**exporters.Endpoint{&to.Traces, &to.Metrics, &to.Logs} {
		if *e != nil {
			at := **e
			at.URL = "http://" + s.address
			*e = &at
		}
	}
	t.options.Destinations = []exporters.Destination{to}
	t.resource = resource.NewSchemaless(semconv.ServiceName(item))
	if err := t.begin(ctx); err != nil {
		s.close()
		return nil, err
	}
	return t, nil
}

// begin plays the start of a process.
func (t *trial) begin(ctx context.Context) (err error) {
	if t.box, err = exporters.Open(ctx, t.options); err != nil {
		return err
	}
	t.tracers = sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithResource(t.resource),
		sdktrace.WithSpanProcessor(t.box.SpanProcessor()))
	t.loggers = sdklog.NewLoggerProvider(sdklog.WithResource(t.resource), sdklog.WithProcessor(t.box.LogProcessor()))
	return nil
}

// end plays the end of a process. In a directory the ledger goes on with the
// next, and elsewhere a new one begins.
func (t *trial) end(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_ = t.box.Close(ctx) // what is lost is in the ledger
	for _, a := range t.box.Status().Accounts {
		book := Account{Signal: a.Signal.String(), Created: a.Created, Delivered: a.Delivered, Pending: a.Pending, Dropped: a.Dropped}
		if before := t.books[a.Signal]; before != nil && t.options.Dir == "" {
			book.add(*before)
		}
		t.books[a.Signal] = &book
	}
}

func (t *trial) accounts() (all []Account) {
	for s, made := range t.made {
		signal := exporters.Signal(s) //nolint:gosec // below 3
		book := t.books[signal]
		if book == nil {
			continue
		}
		book.Made = made
		book.Arrived, book.Again = t.stand.arrived(signal)
		all = append(all, *book)
	}
	return all
}

// produce makes so many spans and log records, and a few data points.
func (t *trial) produce(ctx context.Context, n int) {
	for range n {
		t.span(ctx)
		t.record(ctx, item)
	}
	t.made[exporters.Metrics]++
	_ = t.box.MetricExporter().Export(ctx, &metricdata.ResourceMetrics{Resource: t.resource, ScopeMetrics: []metricdata.ScopeMetrics{{
		Metrics: []metricdata.Metrics{{Name: item, Data: metricdata.Gauge[int64]{
			DataPoints: []metricdata.DataPoint[int64]{{Time: time.Now(), Value: t.made[exporters.Metrics]}},
		}}},
	}}}) // its error is in the ledger
}

// span makes one and returns what it is known by.
func (t *trial) span(ctx context.Context, attrs ...attribute.KeyValue) string {
	_, span := t.tracers.Tracer(item).Start(ctx, item)
	span.SetAttributes(attrs...)
	span.End()
	t.made[exporters.Traces]++
	return span.SpanContext().SpanID().String()
}

// record makes a log record, which is known by its time.
func (t *trial) record(ctx context.Context, body string) {
	t.made[exporters.Logs]++
	var r log.Record
	r.SetTimestamp(t.begun.Add(time.Duration(t.made[exporters.Logs])))
	r.SetBody(attribute.StringValue(body))
	t.loggers.Logger(item).Emit(ctx, r)
}

// settle waits until nothing waits any more.
func (t *trial) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	for t.box.Flush(ctx) != nil && ctx.Err() == nil {
		rest(ctx, 50*time.Millisecond)
	}
}
