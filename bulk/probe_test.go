package bulk

import (
	"context"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// probe is a set of providers that keep what they get.
type probe struct {
	Providers
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	logs   *logRecorder
}

func newProbe() *probe {
	p := &probe{
		spans:  tracetest.NewSpanRecorder(),
		reader: sdkmetric.NewManualReader(),
		logs:   &logRecorder{},
	}
	p.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p.spans))
	p.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(p.reader))
	p.Logger = sdklog.NewLoggerProvider(sdklog.WithProcessor(p.logs))
	return p
}

// ended returns the ended spans of a name, in the order of their ends.
func (p *probe) ended(name string) []sdktrace.ReadOnlySpan {
	var found []sdktrace.ReadOnlySpan
	for _, s := range p.spans.Ended() {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	return found
}

// root returns the only span of the operation, which must have ended.
func (p *probe) root(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	found := p.ended(keys.SpanBulk + " " + name)
	if len(found) != 1 {
		t.Fatalf("%d spans of operation %q have ended, want 1", len(found), name)
	}
	return found[0]
}

// collect returns the data points of all metrics, by instrument and attributes:
// "bulk.items{bulk.item.outcome=ok,bulk.operation.name=x}".
func (p *probe) collect(t *testing.T) map[string]float64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := p.reader.Collect(context.Background(), &rm); err != nil {
		t.Fatal(err)
	}
	points := make(map[string]float64)
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				fill(points, m.Name, d.DataPoints)
			case metricdata.Sum[float64]:
				fill(points, m.Name, d.DataPoints)
			case metricdata.Gauge[float64]:
				fill(points, m.Name, d.DataPoints)
			case metricdata.Histogram[float64]:
				for _, dp := range d.DataPoints {
					points[series(m.Name, dp.Attributes)] = float64(dp.Count)
				}
			default:
				t.Fatalf("%s has unexpected data %T", m.Name, d)
			}
		}
	}
	return points
}

func fill[N int64 | float64](points map[string]float64, name string, data []metricdata.DataPoint[N]) {
	for _, dp := range data {
		points[series(name, dp.Attributes)] = float64(dp.Value)
	}
}

func series(name string, set attribute.Set) string {
	return name + "{" + set.Encoded(attribute.DefaultEncoder()) + "}"
}

// attr returns an attribute as text, or "" without it.
func attr(attrs []attribute.KeyValue, key string) string {
	for _, a := range attrs {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

func num(t *testing.T, attrs []attribute.KeyValue, key string) int64 {
	t.Helper()
	for _, a := range attrs {
		if string(a.Key) == key {
			return a.Value.AsInt64()
		}
	}
	t.Fatalf("no attribute %s in %v", key, attrs)
	return 0
}

// logRecorder keeps log records, and the error of the context each came with.
type logRecorder struct {
	mu      sync.Mutex
	records []sdklog.Record
	errs    []error
}

var _ sdklog.Processor = (*logRecorder)(nil)

func (r *logRecorder) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (r *logRecorder) Shutdown(context.Context) error                         { return nil }
func (r *logRecorder) ForceFlush(context.Context) error                       { return nil }

func (r *logRecorder) OnEmit(ctx context.Context, rec *sdklog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, rec.Clone())
	r.errs = append(r.errs, ctx.Err())
	return nil
}

func (r *logRecorder) named(event string) []sdklog.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []sdklog.Record
	for _, rec := range r.records {
		if rec.EventName() == event {
			found = append(found, rec)
		}
	}
	return found
}

func attrsOf(rec sdklog.Record) []attribute.KeyValue {
	var attrs []attribute.KeyValue
	rec.WalkAttributes(func(kv attribute.KeyValue) bool {
		attrs = append(attrs, kv)
		return true
	})
	return attrs
}
