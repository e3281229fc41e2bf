package otelmon

import (
	"testing"

	"go.opentelemetry.io/otel"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a tap that keeps what it is given.
type recorder struct {
	spans  *tracetest.SpanRecorder
	reader *sdkmetric.ManualReader
}

func newRecorder() *recorder {
	return &recorder{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
}

func (r *recorder) SpanProcessor() sdktrace.SpanProcessor { return r.spans }
func (r *recorder) MetricReader() sdkmetric.Reader        { return r.reader }
func (r *recorder) LogProcessor() sdklog.Processor        { return nil }

// collect returns the metric called name, or fails.
func (r *recorder) collect(t *testing.T, name string) metricdata.Metrics {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if m.Name == name {
				return m
			}
		}
	}
	t.Fatalf("no metric %s", name)
	return metricdata.Metrics{}
}

// record makes a recorder's providers the global ones until the test ends.
func record(t *testing.T) *recorder {
	t.Helper()
	r := newRecorder()
	tracers, meters := otel.GetTracerProvider(), otel.GetMeterProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.spans)))
	otel.SetMeterProvider(newMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))))
	t.Cleanup(func() {
		otel.SetTracerProvider(tracers)
		otel.SetMeterProvider(meters)
	})
	return r
}
