package health

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// telemetry is what a registry says through OpenTelemetry. What it calls may
// be anybody's processor, so nothing here runs under a lock or on the
// scheduler's goroutine, and a panic ends here.
type telemetry struct {
	tracer      trace.Tracer
	logger      log.Logger
	duration    metric.Float64Histogram
	transitions metric.Int64Counter
	gauges      gauges
}

func newTelemetry(o Options, r *Registry) telemetry {
	t := telemetry{
		tracer: o.TracerProvider.Tracer(keys.ScopeHealth),
		logger: o.LoggerProvider.Logger(keys.ScopeHealth),
	}
	if err := t.instrument(o.MeterProvider.Meter(keys.ScopeHealth), r); err != nil {
		complain(fmt.Errorf("health: instruments: %w", err))
		_ = t.instrument(noop.Meter{}, r) // never fails
	}
	return t
}

func (t *telemetry) instrument(m metric.Meter, r *Registry) error {
	var errs [3]error
	t.duration, errs[0] = m.Float64Histogram(keys.HealthCheckDuration, metric.WithUnit("s"),
		metric.WithDescription("How long an execution of a health check took."),
		metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30))
	t.transitions, errs[1] = m.Int64Counter(keys.HealthCheckTransitions, metric.WithUnit("{transition}"),
		metric.WithDescription("Changes of a health check's state."))
	t.gauges, errs[2] = newGauges(m, r)
	return errors.Join(errs[:]...)
}

func (t *telemetry) unregister() {
	defer contain()
	if err := t.gauges.registration.Unregister(); err != nil {
		complain(fmt.Errorf("health: unregister the gauges: %w", err))
	}
}

// startSpan starts the span of an execution that is certain to be recorded. It
// is a root, because Start took the caller's span out of the context.
func (t *telemetry) startSpan(ctx context.Context, x *run) (spanCtx context.Context, span trace.Span) {
	spanCtx, span = ctx, trace.SpanFromContext(ctx)
	defer contain()
	c := x.entry.check
	return t.tracer.Start(ctx, keys.SpanHealthCheck+" "+c.Name, //nolint:spancheck // telemetry.end ends it
		trace.WithTimestamp(x.started), trace.WithAttributes(append(dependencies(c.DependsOn),
			attribute.String(keys.HealthCheckName, c.Name),
			attribute.Bool(keys.HealthCheckCritical, c.Critical))...))
}

const maxTold = 32 // names of checks in one attribute

// dependencies names the checks that one depends on, if it does.
func dependencies(names []string) []attribute.KeyValue {
	if len(names) == 0 {
		return nil
	}
	return []attribute.KeyValue{attribute.StringSlice(keys.HealthCheckDependencies, names[:min(len(names), maxTold)])}
}

// trace completes the execution's span, and makes one afterwards if it failed,
// changed the state, or took more than half of its time. Of an execution that
// was broken off there is nothing to say.
func (t *telemetry) trace(ctx context.Context, x *run, found finding) {
	x.span = x.early
	if x.span == nil && ctx.Err() == nil && notable(x, found) {
		_, x.span = t.startSpan(ctx, x)
	}
	if x.span == nil {
		x.span = trace.SpanFromContext(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	defer contain()
	x.span.SetAttributes(attribute.String(keys.HealthCheckState, found.state.String()))
	x.span.SetAttributes(x.facts.ToSlice()...)
	if found.reason != "" {
		x.span.SetAttributes(
			attribute.String(keys.ErrorType, string(found.reason)),
			attribute.String(keys.HealthCheckReason, string(found.reason)),
			attribute.String(keys.HealthCheckMessage, found.message))
	}
	if found.state == StateUnhealthy {
		x.span.SetStatus(codes.Error, found.message)
	}
}

func notable(x *run, found finding) bool {
	before := x.entry.latest.Load().at(x.started.Add(x.elapsed))
	return found.state != before.State || found.reason != "" || x.elapsed > x.entry.check.Timeout/2
}

// end ends the execution's span at the moment when the execution ended, not
// when all was told.
func (t *telemetry) end(x *run) {
	defer contain()
	x.span.End(trace.WithTimestamp(x.started.Add(x.elapsed)))
}

// tell reports a published result.
func (t *telemetry) tell(ctx context.Context, x *run, found finding, steps []step) {
	defer contain()
	t.observe(trace.ContextWithSpan(context.WithoutCancel(ctx), x.span), x, found)
	t.announceAll(ctx, x.span, steps)
}

// announceAll reports changes that the execution with that span has caused.
func (t *telemetry) announceAll(ctx context.Context, span trace.Span, steps []step) {
	defer contain()
	ctx = trace.ContextWithSpan(context.WithoutCancel(ctx), span)
	for _, s := range steps {
		t.count(ctx, s)
		t.announce(ctx, s)
	}
}

// observe records the duration. The context carries the span, which makes it
// the exemplar of its bucket.
func (t *telemetry) observe(ctx context.Context, x *run, found finding) {
	if !t.duration.Enabled(ctx) {
		return
	}
	attrs := []attribute.KeyValue{
		attribute.String(keys.HealthCheckName, x.entry.check.Name),
		attribute.String(keys.HealthCheckState, found.state.String()),
	}
	if found.reason != "" {
		attrs = append(attrs, attribute.String(keys.ErrorType, string(found.reason)))
	}
	t.duration.Record(ctx, x.elapsed.Seconds(), metric.WithAttributes(attrs...))
}

func (t *telemetry) count(ctx context.Context, s step) {
	if s.from.State == s.to.State || !t.transitions.Enabled(ctx) {
		return
	}
	t.transitions.Add(ctx, 1, metric.WithAttributes(
		attribute.String(keys.HealthCheckName, s.to.Name),
		attribute.String(keys.HealthCheckState, s.to.State.String()),
		attribute.String(keys.HealthCheckPreviousState, s.from.State.String())))
}

// announce emits the event of a change. While a check is flapping there is none
// but that of its beginning and of its end.
func (t *telemetry) announce(ctx context.Context, s step) {
	level, name := severityOf(s.to), keys.EventHealthStateChanged
	switch {
	case s.from.Flapping && s.to.Flapping:
		return
	case s.to.Flapping:
		name = keys.EventHealthFlappingStarted
	case s.from.Flapping:
		name = keys.EventHealthFlappingEnded
	}
	if !t.logger.Enabled(ctx, log.EnabledParameters{Severity: level, EventName: name}) {
		return
	}
	var rec log.Record
	rec.SetEventName(name)
	rec.SetTimestamp(s.to.Timestamp)
	rec.SetObservedTimestamp(time.Now())
	rec.SetSeverity(level)
	rec.SetSeverityText(level.String())
	rec.SetBody(attribute.StringValue(sentence(s)))
	rec.AddAttributes(
		attribute.String(keys.HealthCheckName, s.to.Name),
		attribute.String(keys.HealthCheckState, s.to.State.String()),
		attribute.String(keys.HealthCheckPreviousState, s.from.State.String()),
		attribute.Bool(keys.HealthCheckCritical, s.to.Critical))
	rec.AddAttributes(dependencies(s.to.DependsOn)...)
	if s.to.Reason != "" {
		rec.AddAttributes(
			attribute.String(keys.HealthCheckReason, string(s.to.Reason)),
			attribute.String(keys.HealthCheckMessage, s.to.Message))
	}
	t.logger.Emit(ctx, rec)
}

func severityOf(r *Result) log.Severity {
	switch r.State {
	case StateHealthy:
		return log.SeverityInfo
	case StateDegraded:
		return log.SeverityWarn
	case StateUnknown:
		if !r.failing() {
			return log.SeverityInfo // somebody wanted it so
		}
	case StateUnhealthy:
	}
	return log.SeverityError
}

// sentence tells a person what happened.
func sentence(s step) string {
	text := fmt.Sprintf("Health check %s is %s, was %s", s.to.Name, s.to.State, s.from.State)
	switch {
	case s.to.Flapping && !s.from.Flapping:
		text = fmt.Sprintf("Health check %s keeps changing its state, now to %s; further changes are not told until that ends", s.to.Name, s.to.State)
	case s.from.Flapping && !s.to.Flapping:
		text = fmt.Sprintf("Health check %s no longer keeps changing its state, it is %s", s.to.Name, s.to.State)
	}
	if s.to.Message != "" {
		return text + ": " + s.to.Message
	}
	return text + "."
}

// unsampled is the context of a trace that nobody records.
func unsampled() trace.SpanContext {
	var id trace.TraceID
	var span trace.SpanID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64()|1) // all zero is invalid
	binary.LittleEndian.PutUint64(span[:], rand.Uint64()|1)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span})
}

// contain ends a panic of foreign telemetry code.
func contain() {
	if v := recover(); v != nil {
		complain(errors.New("health: telemetry: " + panicText(v)))
	}
}

// complain hands err to OpenTelemetry's error handler, whose panic ends here.
func complain(err error) {
	defer func() { _ = recover() }()
	otel.Handle(err)
}
