package drill

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// keyHeader holds the key of a stand.
const keyHeader = "otelmon-drill-key"

// trial is the outbox of a scenario, the telemetry that goes in and the receiver
// it goes to.
type trial struct {
	course   course
	options  exporters.Options
	stand    *stand // nil in a process that is to be killed
	resource *resource.Resource
	box      *exporters.Outbox
	tracers  *sdktrace.TracerProvider
	loggers  *sdklog.LoggerProvider

	begun time.Time
	tally
	books map[exporters.Signal]*Account // of the processes that have ended
}

// tally is what was made, by signal, and what of that was only in the memory of a
// process when it was killed.
type tally struct{ Made, Memory [3]int64 }

func newTrial(ctx context.Context, name string, c course) (*trial, error) {
	s, err := newStand(ctx, c.beyond)
	if err != nil {
		return nil, err
	}
	t := aim(name, c.outbox, s.address, s.key)
	t.course, t.stand = c, s
	if err := t.begin(ctx); err != nil {
		s.close()
		return nil, err
	}
	return t, nil
}

// aim points an outbox to a stand. How long an attempt may take is the affair of
// the settings only if the backend is theirs. Names tell the series of scenarios
// apart.
func aim(name string, o exporters.Options, address, key string) *trial {
	t := &trial{options: o, begun: time.Now(), books: map[exporters.Signal]*Account{}}
	to := o.Destinations[0]
	for _, e := range []**exporters.Endpoint{&to.Traces, &to.Metrics, &to.Logs} {
		if own := *e; own != nil {
			*e = &exporters.Endpoint{
				URL: "http://" + address, Headers: map[string]string{keyHeader: key},
				Protocol: own.Protocol, Compression: own.Compression, Timeout: own.Timeout,
			}
		}
	}
	t.options.Destinations = []exporters.Destination{to}
	t.resource = resource.NewSchemaless(semconv.ServiceName(keys.DrillService), semconv.ServiceInstanceID(name), attribute.Bool(keys.Probe, true))
	return t
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
func (t *trial) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ending)
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
	for s, made := range t.Made {
		signal := exporters.Signal(s) //nolint:gosec // below 3
		book := t.books[signal]
		if book == nil {
			continue
		}
		book.Made, book.memory = made, t.Memory[s]
		book.Arrived, book.Again = t.stand.arrived(signal)
		all = append(all, *book)
	}
	return all
}

// produce makes so many spans and log records, and a few data points.
func (t *trial) produce(ctx context.Context, n int) {
	for range n {
		t.span(ctx)
		t.record(ctx, keys.Drill)
	}
	t.Made[exporters.Metrics]++
	_ = t.box.MetricExporter().Export(ctx, &metricdata.ResourceMetrics{Resource: t.resource, ScopeMetrics: []metricdata.ScopeMetrics{{
		Metrics: []metricdata.Metrics{{Name: keys.Drill, Data: metricdata.Gauge[int64]{
			DataPoints: []metricdata.DataPoint[int64]{{Time: time.Now(), Value: t.Made[exporters.Metrics]}},
		}}},
	}}}) // its error is in the ledger
}

// span makes one and returns what it is known by.
func (t *trial) span(ctx context.Context, attrs ...attribute.KeyValue) string {
	_, span := t.tracers.Tracer(keys.Drill).Start(ctx, keys.Drill)
	span.SetAttributes(attrs...)
	span.End()
	t.Made[exporters.Traces]++
	return span.SpanContext().SpanID().String()
}

// record makes a log record, which is known by its time.
func (t *trial) record(ctx context.Context, body string) {
	t.Made[exporters.Logs]++
	var r log.Record
	r.SetTimestamp(t.begun.Add(time.Duration(t.Made[exporters.Logs])))
	r.SetBody(attribute.StringValue(body))
	t.loggers.Logger(keys.Drill).Emit(ctx, r)
}

// settle waits until nothing waits any more, and says what does after that.
func (t *trial) settle(ctx context.Context) (reasons []string) {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	pause := 50 * time.Millisecond
	if t.course.beyond != nil {
		pause = time.Second // each flush is an attempt
	}
	for t.box.Flush(ctx) != nil && ctx.Err() == nil {
		rest(ctx, pause)
	}
	for _, a := range t.box.Status().Accounts {
		if a.Pending > 0 {
			reasons = append(reasons, fmt.Sprintf("%s: %d still wait %v after all was well again%s", a.Signal, a.Pending, settling, t.stand.lastWords()))
		}
	}
	return reasons
}
