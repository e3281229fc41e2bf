package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe is one signal's exporter behind a Delivery.
type pipe struct {
	send     func(ctx context.Context, items int) error
	shutdown func(context.Context) error
}

// signal opens a pipe and counts what came out of its other end.
type signal struct {
	name    string
	path    string
	open    func(context.Context, exporters.Endpoint, *exporters.Delivery) (pipe, error)
	arrived func(*oteltest.Receiver) int
}

func signals() []signal {
	return []signal{
		{"traces", "/v1/traces", openTraces, func(r *oteltest.Receiver) int { return len(r.Spans()) }},
		{"metrics", "/v1/metrics", openMetrics, func(r *oteltest.Receiver) int {
			n := 0
			for _, m := range r.Metrics() {
				n += len(m.GetGauge().GetDataPoints())
			}
			return n
		}},
		{"logs", "/v1/logs", openLogs, func(r *oteltest.Receiver) int { return len(r.Logs()) }},
	}
}

func openTraces(ctx context.Context, e exporters.Endpoint, d *exporters.Delivery) (pipe, error) {
	official, err := e.Traces(ctx)
	if err != nil {
		return pipe{}, err
	}
	counted := d.Traces(official)
	return pipe{func(ctx context.Context, items int) error { return counted.ExportSpans(ctx, spansOf(items)) }, counted.Shutdown}, nil
}

func openMetrics(ctx context.Context, e exporters.Endpoint, d *exporters.Delivery) (pipe, error) {
	official, err := e.Metrics(ctx, nil, nil)
	if err != nil {
		return pipe{}, err
	}
	counted := d.Metrics(official)
	return pipe{func(ctx context.Context, items int) error { return counted.Export(ctx, collectionOf(items)) }, counted.Shutdown}, nil
}

func openLogs(ctx context.Context, e exporters.Endpoint, d *exporters.Delivery) (pipe, error) {
	official, err := e.Logs(ctx)
	if err != nil {
		return pipe{}, err
	}
	counted := d.Logs(official)
	return pipe{func(ctx context.Context, items int) error { return counted.Export(ctx, recordsOf(items)) }, counted.Shutdown}, nil
}

func spansOf(items int) []sdktrace.ReadOnlySpan {
	stubs := make(tracetest.SpanStubs, items)
	for i := range stubs {
		stubs[i].Name = fmt.Sprint("span ", i)
	}
	return stubs.Snapshots()
}

func collectionOf(items int) *metricdata.ResourceMetrics {
	data := metricdata.Gauge[int64]{}
	for i := range items {
		data.DataPoints = append(data.DataPoints, metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.Int("i", i)), Value: 1})
	}
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "gauge", Data: data}}}}}
}

func recordsOf(items int) []sdklog.Record {
	var kept capture
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewSimpleProcessor(&kept)))
	for i := range items {
		var r log.Record
		r.SetBody(attribute.StringValue(fmt.Sprint("record ", i)))
		provider.Logger("test").Emit(context.Background(), r)
	}
	return kept
}

type capture []sdklog.Record

func (c *capture) Export(_ context.Context, batch []sdklog.Record) error {
	for _, r := range batch {
		*c = append(*c, r.Clone())
	}
	return nil
}
func (*capture) ForceFlush(context.Context) error { return nil }
func (*capture) Shutdown(context.Context) error   { return nil }

func start(t *testing.T, o oteltest.Options) *oteltest.Receiver {
	t.Helper()
	r, err := oteltest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func authority(t *testing.T) *oteltest.Authority {
	t.Helper()
	a, err := oteltest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// row is one signal over one protocol.
type row struct {
	name     string
	signal   signal
	endpoint exporters.Endpoint
}

// matrix returns every signal over every protocol.
func matrix(r *oteltest.Receiver) []row {
	var rows []row
	for _, s := range signals() {
		rows = append(rows,
			row{s.name + "/http", s, exporters.Endpoint{URL: r.HTTPURL(), Protocol: exporters.ProtocolHTTP}},
			row{s.name + "/grpc", s, exporters.Endpoint{URL: r.GRPCURL(), Protocol: exporters.ProtocolGRPC}})
	}
	return rows
}

// open opens a pipe that the test shuts down at its end.
func open(t *testing.T, s signal, e exporters.Endpoint, d *exporters.Delivery) pipe {
	t.Helper()
	p, err := s.open(t.Context(), e, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return p
}

func wantCounts(t *testing.T, d *exporters.Delivery, delivered, failed int64) {
	t.Helper()
	s := d.Snapshot()
	if s.Delivered != delivered || s.Failed != failed {
		t.Errorf("delivered %d, failed %d, want %d and %d; last error %v", s.Delivered, s.Failed, delivered, failed, s.LastError)
	}
	if (failed > 0) == s.LastTime.IsZero() || (failed > 0) != (s.LastError != nil) {
		t.Errorf("last error %v at %v with %d failed", s.LastError, s.LastTime, failed)
	}
}

var errBroken = errors.New("broken")
