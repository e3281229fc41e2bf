// Package taptest puts real providers of the OpenTelemetry SDK behind a tap and
// feeds it what packages health and bulk emit, for tests.
package taptest

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

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Tap is what otelmon.Tap is, which packages below it cannot import.
type Tap interface {
	SpanProcessor() sdktrace.SpanProcessor
	MetricReader() sdkmetric.Reader
	LogProcessor() sdklog.Processor
}

// Rig is a tap behind real providers of service shop 1.4.0.
type Rig struct {
	TP *sdktrace.TracerProvider
	MP *sdkmetric.MeterProvider
	LP *sdklog.LoggerProvider
}

// New starts the providers, which end with the test. More options for spans may
// follow.
func New(tb testing.TB, tap Tap, o ...sdktrace.TracerProviderOption) *Rig {
	tb.Helper()
	res := resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("service.version", "1.4.0"))
	r := &Rig{
		TP: sdktrace.NewTracerProvider(append(o, sdktrace.WithSpanProcessor(tap.SpanProcessor()), sdktrace.WithResource(res))...),
		MP: sdkmetric.NewMeterProvider(sdkmetric.WithReader(tap.MetricReader()), sdkmetric.WithResource(res)),
		LP: sdklog.NewLoggerProvider(sdklog.WithProcessor(tap.LogProcessor()), sdklog.WithResource(res)),
	}
	tb.Cleanup(func() { r.Shutdown(tb) })
	return r
}

// Shutdown ends the providers, which may have been shut down before.
func (r *Rig) Shutdown(tb testing.TB) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	_ = r.MP.Shutdown(ctx) // a test may have shut it down
	if err := r.TP.Shutdown(ctx); err != nil {
		tb.Error(err)
	}
	if err := r.LP.Shutdown(ctx); err != nil {
		tb.Error(err)
	}
}

// Span starts a span of the application.
func (r *Rig) Span(ctx context.Context, name string, o ...trace.SpanStartOption) (context.Context, trace.Span) {
	return r.TP.Tracer("shop/checkout").Start(ctx, name, o...) //nolint:spancheck // the test ends it
}

// Bulk starts a span of package bulk.
func (r *Rig) Bulk(ctx context.Context, name string, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	return r.TP.Tracer(keys.ScopeBulk).Start(ctx, name, trace.WithAttributes(attrs...)) //nolint:spancheck // the test ends it
}

// Log emits a record of the application, or an event.
func (r *Rig) Log(ctx context.Context, level log.Severity, event, body string, attrs ...attribute.KeyValue) {
	var rec log.Record
	rec.SetSeverity(level)
	rec.SetEventName(event)
	rec.SetBody(attribute.StringValue(body))
	rec.AddAttributes(attrs...)
	r.LP.Logger("shop/checkout").Emit(ctx, rec)
}

// Meter is the application's.
func (r *Rig) Meter() metric.Meter { return r.MP.Meter("shop/checkout") }

// Status observes what package health does.
func (r *Rig) Status(tb testing.TB, states map[string]string, service string) {
	tb.Helper()
	m := r.MP.Meter(keys.ScopeHealth)
	check, err := m.Int64ObservableUpDownCounter(keys.HealthCheckStatus)
	if err != nil {
		tb.Fatal(err)
	}
	whole, err := m.Int64ObservableUpDownCounter(keys.HealthStatus)
	if err != nil {
		tb.Fatal(err)
	}
	done, err := m.Float64ObservableGauge(keys.HealthCheckLastCompletion)
	if err != nil {
		tb.Fatal(err)
	}
	is := map[bool]int64{true: 1}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, s := range []string{"healthy", "degraded", "unhealthy", "unknown"} {
			for name, state := range states {
				o.ObserveInt64(check, is[s == state], metric.WithAttributes(attribute.String(keys.HealthCheckName, name),
					attribute.String(keys.HealthCheckState, s), attribute.Bool(keys.HealthCheckCritical, name == "db")))
				o.ObserveFloat64(done, 1.75e9, metric.WithAttributes(attribute.String(keys.HealthCheckName, name)))
			}
			if service != "" {
				o.ObserveInt64(whole, is[s == service], metric.WithAttributes(attribute.String(keys.HealthState, s)))
			}
		}
		return nil
	}, check, whole, done)
	if err != nil {
		tb.Fatal(err)
	}
}

// Change emits the event of a check that went from one state to another.
func (r *Rig) Change(tb testing.TB, name, from, to, message string, dependsOn ...string) {
	tb.Helper()
	attrs := []attribute.KeyValue{
		attribute.String(keys.HealthCheckName, name), attribute.String(keys.HealthCheckState, to),
		attribute.String(keys.HealthCheckPreviousState, from), attribute.Bool(keys.HealthCheckCritical, name == "db"),
		attribute.String(keys.HealthCheckMessage, message), attribute.String(keys.HealthCheckReason, "timeout"),
	}
	if len(dependsOn) > 0 {
		attrs = append(attrs, attribute.StringSlice(keys.HealthCheckDependencies, dependsOn))
	}
	r.Log(tb.Context(), log.SeverityError, keys.EventHealthStateChanged, name+" is "+to, attrs...)
}
