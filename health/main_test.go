package health

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDown = errors.New("down")

func pass(context.Context) error { return nil }
func fail(context.Context) error { return errDown }

// advance lets the bubble's clock run and everything settle.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// telemetryOf collects what a registry emits.
type telemetryOf struct {
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
	events *recorder
}

func recording(t *testing.T) (Options, *telemetryOf) {
	t.Helper()
	got := &telemetryOf{
		spans:  tracetest.NewSpanRecorder(),
		reader: sdkmetric.NewManualReader(),
		events: &recorder{},
	}
	return Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(got.spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(got.reader)),
		LoggerProvider: sdklog.NewLoggerProvider(sdklog.WithProcessor(got.events)),
	}, got
}

type recorder struct {
	mu   sync.Mutex
	list []sdklog.Record
}

func (r *recorder) OnEmit(_ context.Context, rec *sdklog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, rec.Clone())
	return nil
}
func (r *recorder) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (r *recorder) Shutdown(context.Context) error                         { return nil }
func (r *recorder) ForceFlush(context.Context) error                       { return nil }

func (r *recorder) all() []sdklog.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sdklog.Record(nil), r.list...)
}

func attributesOf(rec sdklog.Record) map[string]string {
	out := make(map[string]string)
	rec.WalkAttributes(func(kv attribute.KeyValue) bool {
		out[string(kv.Key)] = kv.Value.String()
		return true
	})
	return out
}

// collect returns the metrics of one collection by name.
func (o *telemetryOf) collect(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := o.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	out := make(map[string]metricdata.Metrics)
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			out[m.Name] = m
		}
	}
	return out
}

// begin makes a registry whose schedule is certain, registers checks, starts
// it, and stops it when the test ends.
func begin(t *testing.T, o Options, checks ...Check) *Registry {
	t.Helper()
	r := New(o)
	r.random = func() float64 { return 0.5 }
	for _, c := range checks {
		must(t, r.Register(c))
	}
	must(t, r.Start(t.Context()))
	t.Cleanup(func() { must(t, r.Shutdown(context.Background())) })
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func resultOf(t *testing.T, r *Registry, name string) Result {
	t.Helper()
	for _, result := range r.Report().Results {
		if result.Name == name {
			return result
		}
	}
	t.Fatalf("no result of %s", name)
	return Result{}
}

func expect(t *testing.T, r *Registry, name string, state State, reason Reason) Result {
	t.Helper()
	got := resultOf(t, r, name)
	if got.State != state || got.Reason != reason {
		t.Errorf("%s is %s (%s: %s), want %s (%s)", name, got.State, got.Reason, got.Message, state, reason)
	}
	return got
}

func noSpan(ctx context.Context) trace.Span { return trace.SpanFromContext(ctx) }

// sum adds up the points of a counter.
func sum(t *testing.T, m metricdata.Metrics) int64 {
	t.Helper()
	var total int64
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		total += p.Value
	}
	return total
}
