package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

func TestSignalsOfTransitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		var calls int
		r := begin(t, o, Check{Name: "db", Critical: true, Interval: 10 * time.Second, Timeout: 4 * time.Second, Func: func(ctx context.Context) error {
			calls++
			Detail(ctx, attribute.Int("call", calls))
			switch calls {
			case 4:
				return errors.New("postgres://app:s3cret@db refused")
			case 6:
				return Degraded(errors.New("lag"))
			case 9:
				advanceInCheck(3 * time.Second) // slow
			}
			return nil
		}})
		advance(100 * time.Second)
		must(t, r.Shutdown(t.Context()))
		if calls != 10 {
			t.Fatalf("%d executions, the test needs 10", calls)
		}

		spans := got.spans.Ended()
		var described []string
		for _, s := range spans {
			described = append(described, describe(s))
		}
		wantSpans := []string{
			"1 healthy Unset 0s",
			"4 unhealthy Error 0s postgres://app:***@db refused",
			"5 healthy Unset 0s",
			"6 degraded Unset 0s lag",
			"7 healthy Unset 0s",
			"9 healthy Unset 3s",
		}
		if strings.Join(described, "\n") != strings.Join(wantSpans, "\n") {
			t.Errorf("spans\n%s\nwant\n%s", strings.Join(described, "\n"), strings.Join(wantSpans, "\n"))
		}

		var events []string
		for i, e := range got.events.all() {
			a := attributesOf(e)
			events = append(events, fmt.Sprintf("%s %v %s>%s %s", e.SeverityText(), e.Severity(), a["health.check.previous_state"], a["health.check.state"], e.Body().AsString()))
			if e.EventName() != "health.check.state_changed" || a["health.check.name"] != "db" || a["health.check.critical"] != "true" {
				t.Errorf("event %q %v", e.EventName(), a)
			}
			if i < 5 && (e.TraceID() != spans[i].SpanContext().TraceID() || e.SpanID() != spans[i].SpanContext().SpanID()) {
				t.Errorf("event %d does not carry the trace of its execution", i)
			}
		}
		wantEvents := []string{
			"INFO INFO unknown>healthy Health check db is healthy, was unknown.",
			"ERROR ERROR healthy>unhealthy Health check db is unhealthy, was healthy: postgres://app:***@db refused",
			"INFO INFO unhealthy>healthy Health check db is healthy, was unhealthy.",
			"WARN WARN healthy>degraded Health check db is degraded, was healthy: lag",
			"INFO INFO degraded>healthy Health check db is healthy, was degraded.",
		}
		if strings.Join(events, "\n") != strings.Join(wantEvents, "\n") {
			t.Errorf("events\n%s\nwant\n%s", strings.Join(events, "\n"), strings.Join(wantEvents, "\n"))
		}
		if a := attributesOf(got.events.all()[1]); a["health.check.reason"] != "error" || a["health.check.message"] != "postgres://app:***@db refused" {
			t.Errorf("attributes %v", a)
		}

		metrics := got.collect(t)
		name := attribute.String("health.check.name", "db")
		step := func(from, to string, n int64) metricdata.DataPoint[int64] {
			return metricdata.DataPoint[int64]{Value: n, Attributes: set(name,
				attribute.String("health.check.previous_state", from), attribute.String("health.check.state", to))}
		}
		if unit := metrics["health.check.transitions"].Unit; unit != "{transition}" {
			t.Errorf("unit %q", unit)
		}
		metricdatatest.AssertAggregationsEqual(t, metricdata.Sum[int64]{
			IsMonotonic: true, Temporality: metricdata.CumulativeTemporality,
			DataPoints: []metricdata.DataPoint[int64]{
				step("unknown", "healthy", 1), step("healthy", "unhealthy", 1), step("unhealthy", "healthy", 1),
				step("healthy", "degraded", 1), step("degraded", "healthy", 1),
			},
		}, metrics["health.check.transitions"].Data, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())

		duration := metrics["health.check.duration"]
		if duration.Unit != "s" {
			t.Errorf("unit %q", duration.Unit)
		}
		counts := map[string]uint64{}
		for _, p := range duration.Data.(metricdata.Histogram[float64]).DataPoints {
			state, _ := p.Attributes.Value("health.check.state")
			reason, _ := p.Attributes.Value("error.type")
			counts[state.AsString()+" "+reason.AsString()] += p.Count
			if state.AsString() == "unhealthy" && (len(p.Exemplars) != 1 || trace.TraceID(p.Exemplars[0].TraceID) != spans[1].SpanContext().TraceID()) {
				t.Errorf("exemplars %v do not lead to the failed execution", p.Exemplars)
			}
		}
		if want := "map[degraded error:1 healthy :8 unhealthy error:1]"; fmt.Sprint(counts) != want {
			t.Errorf("durations %v, want %s", counts, want)
		}
	})
}

func describe(s sdktrace.ReadOnlySpan) string {
	a := map[string]string{}
	for _, kv := range s.Attributes() {
		a[string(kv.Key)] = kv.Value.String()
	}
	if s.Parent().IsValid() || s.SpanKind() != trace.SpanKindInternal || s.Name() != "health.check "+a["health.check.name"] {
		return "not a root span of kind internal named after its check: " + s.Name()
	}
	if s.Status().Code == codes.Error && s.Status().Description != a["health.check.message"] {
		return "status " + s.Status().Description
	}
	text := fmt.Sprint(a["call"], " ", a["health.check.state"], " ", s.Status().Code, " ", s.EndTime().Sub(s.StartTime()))
	return strings.TrimSpace(text + " " + a["health.check.message"])
}

// What a check's client records belongs to the recorded execution, and is not
// recorded at all in the steady state.
func TestClientsOfAHealthyCheckStayQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		tracer := o.TracerProvider.Tracer("client")
		begin(t, o, Check{Name: "c", Interval: time.Second, Func: func(ctx context.Context) error {
			_, span := tracer.Start(ctx, "ping")
			defer span.End()
			if !span.SpanContext().IsValid() {
				t.Error("no trace in the context")
			}
			return nil
		}})
		advance(time.Minute)
		var names []string
		for _, s := range got.spans.Ended() {
			names = append(names, s.Name())
		}
		if want := "[ping health.check c]"; fmt.Sprint(names) != want {
			t.Errorf("spans %v, want %s: the first execution and no other", names, want)
		}
		if spans := got.spans.Ended(); spans[0].Parent().SpanID() != spans[1].SpanContext().SpanID() {
			t.Error("the client's span is not a child of the execution's")
		}
	})
}

func TestExecutionsAreRoots(t *testing.T) {
	o, got := recording(t)
	ctx, span := o.TracerProvider.Tracer("main").Start(t.Context(), "main")
	synctest.Test(t, func(t *testing.T) {
		r := New(o)
		must(t, r.Register(Check{Name: "c", Func: fail, Interval: time.Second}))
		must(t, r.Start(trace.ContextWithSpan(t.Context(), trace.SpanFromContext(ctx))))
		advance(10 * time.Second)
		must(t, r.Shutdown(t.Context()))
	})
	span.End()
	if len(got.spans.Ended()) < 8 {
		t.Errorf("%d spans: every failure deserves one", len(got.spans.Ended()))
	}
	for _, s := range got.spans.Ended() {
		if s.Parent().IsValid() {
			t.Errorf("%s has a parent", s.Name())
		}
	}
}

type badProcessor struct{ start, end func() }

func (p badProcessor) OnStart(context.Context, sdktrace.ReadWriteSpan) { p.start() }
func (p badProcessor) OnEnd(sdktrace.ReadOnlySpan)                     { p.end() }
func (badProcessor) Shutdown(context.Context) error                    { return nil }
func (badProcessor) ForceFlush(context.Context) error                  { return nil }

func boom() { panic("boom") }
func fine() {}

func TestPanicOfTelemetryIsContained(t *testing.T) {
	var handled atomic.Int32
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		if strings.Contains(err.Error(), "health: telemetry: panic: boom") {
			handled.Add(1)
		}
	}))
	defer otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	for name, p := range map[string]badProcessor{"start": {boom, fine}, "end": {fine, boom}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handled.Store(0)
				r := begin(t, Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p))},
					Check{Name: "c", Interval: time.Second, Func: pass},
					Check{Name: "d", Interval: time.Second, Func: fail})
				advance(10 * time.Second)
				expect(t, r, "c", StateHealthy, "")
				expect(t, r, "d", StateUnhealthy, ReasonError)
				if handled.Load() < 8 {
					t.Errorf("%d panics were handled", handled.Load())
				}
			})
		})
	}
}

// A backend that blocks must not make results wrong, other checks late, or
// goroutines many; and what it holds up in the end reads as stale.
func TestHangingTelemetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var once sync.Once
		hang := func() { <-release }
		defer once.Do(func() { close(release) })
		var calls atomic.Int32
		r := New(Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(badProcessor{fine, hang}))})
		must(t, r.Register(Check{Name: "c", Interval: 10 * time.Second, Timeout: time.Second, Func: func(context.Context) error { calls.Add(1); return errDown }}))
		must(t, r.Start(t.Context()))
		advance(2 * time.Second)
		expect(t, r, "c", StateUnhealthy, ReasonError)
		advance(10 * time.Minute)
		expect(t, r, "c", StateUnknown, ReasonStale)
		if calls.Load() != 1 {
			t.Errorf("%d executions pile up behind the telemetry", calls.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown returned %v", err)
		}
		once.Do(func() { close(release) })
		must(t, r.Shutdown(t.Context()))
	})
}

// Both goroutines of a run may sit in the same tracer: each span it hands out
// must still end.
func TestTracerThatHangsOnStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans),
			sdktrace.WithSpanProcessor(badProcessor{func() { <-release }, fine}))
		r := begin(t, Options{TracerProvider: provider}, Check{Name: "c", Interval: time.Hour, Timeout: time.Second, Func: pass})
		advance(5 * time.Second)
		close(release)
		synctest.Wait()
		expect(t, r, "c", StateUnhealthy, ReasonHung)
		if started, ended := len(spans.Started()), len(spans.Ended()); started != 2 || ended != 2 {
			t.Errorf("%d spans started, %d ended, want 2", started, ended)
		}
	})
}

type slowLogs struct{ recorder }

func (*slowLogs) OnEmit(context.Context, *sdklog.Record) error {
	advanceInCheck(time.Minute)
	return nil
}

func TestSpanDoesNotMeasureTelemetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		o.LoggerProvider = sdklog.NewLoggerProvider(sdklog.WithProcessor(new(slowLogs)))
		begin(t, o, Check{Name: "c", Interval: time.Hour, Func: func(context.Context) error { advanceInCheck(time.Second); return nil }})
		advance(10 * time.Minute)
		if s := got.spans.Ended()[0]; s.EndTime().Sub(s.StartTime()) != time.Second {
			t.Errorf("took %v, want 1 s", s.EndTime().Sub(s.StartTime()))
		}
	})
}

func TestWithoutProviders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Func: fail})
		advance(time.Minute)
		expect(t, r, "c", StateUnhealthy, ReasonError)
	})
}

func TestSeverities(t *testing.T) {
	for _, tc := range []struct {
		Result
		want log.Severity
	}{
		{Result{State: StateHealthy}, log.SeverityInfo},
		{Result{State: StateDegraded}, log.SeverityWarn},
		{Result{State: StateUnhealthy}, log.SeverityError},
		{Result{State: StateUnknown, Reason: ReasonStale}, log.SeverityError},
		{Result{State: StateUnknown, Reason: ReasonPaused}, log.SeverityInfo},
	} {
		if got := severityOf(&tc.Result); got != tc.want {
			t.Errorf("%s (%s) has severity %v", tc.State, tc.Reason, got)
		}
	}
}
