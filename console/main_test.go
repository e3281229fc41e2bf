package console

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a console behind real providers.
type rig struct {
	*Console

	tp *sdktrace.TracerProvider
	mp *sdkmetric.MeterProvider
	lp *sdklog.LoggerProvider
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	c := New(o)
	res := resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("service.version", "1.4.0"))
	r := &rig{
		Console: c,
		tp:      sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(c.SpanProcessor()), sdktrace.WithResource(res)),
		mp:      sdkmetric.NewMeterProvider(sdkmetric.WithReader(c.MetricReader()), sdkmetric.WithResource(res)),
		lp:      sdklog.NewLoggerProvider(sdklog.WithProcessor(c.LogProcessor()), sdklog.WithResource(res)),
	}
	t.Cleanup(func() { r.shutdown(t) })
	return r
}

func (r *rig) shutdown(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	_ = r.mp.Shutdown(ctx) // a test may have shut it down
	if err := r.tp.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := r.lp.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func (r *rig) span(ctx context.Context, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	return r.tp.Tracer("shop/checkout").Start(ctx, name, o...) //nolint:spancheck // the test ends it
}

func (r *rig) bulk(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	return r.tp.Tracer(keys.ScopeBulk).Start(ctx, name, trace.WithAttributes(attrs...)) //nolint:spancheck // the test ends it
}

func (r *rig) log(ctx context.Context, level log.Severity, event, body string, attrs ...attribute.KeyValue) {
	var rec log.Record
	rec.SetSeverity(level)
	rec.SetEventName(event)
	rec.SetBody(attribute.StringValue(body))
	rec.AddAttributes(attrs...)
	r.lp.Logger("shop/checkout").Emit(ctx, rec)
}

func (r *rig) meter() metric.Meter { return r.mp.Meter("shop/checkout") }

func traceID(s trace.Span) trace.TraceID { return s.SpanContext().TraceID() }
