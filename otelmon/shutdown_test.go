package otelmon

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/loopback"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// silent accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var conns []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				for _, c := range conns {
					c.Close()
				}
				return
			}
			conns = append(conns, c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestShutdownKeepsItsDeadlineAndSaysWhatIsLost(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		for name, address := range map[string]string{"dead": loopback.Addr(t), "silent": silent(t)} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				// A shutdown that waits for any of these, and not for its context,
				// outlasts the test.
				m, err := start(
					t, Config{Endpoint: "http://" + address, Protocol: protocol},
					"OTEL_EXPORTER_OTLP_TIMEOUT=3600000", "OTEL_BSP_EXPORT_TIMEOUT=3600000",
					"OTEL_BLRP_EXPORT_TIMEOUT=3600000", "OTEL_METRIC_EXPORT_TIMEOUT=3600000",
				)
				if err != nil {
					t.Fatal(err)
				}
				for range 1000 {
					_, span := otel.Tracer("t").Start(t.Context(), "s")
					span.End()
				}
				var r log.Record
				r.SetBody(attribute.StringValue("hello"))
				otel.Logger("t").Emit(t.Context(), r)

				ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
				defer cancel()
				err = m.Shutdown(ctx)
				if err == nil {
					t.Fatal("1000 spans are gone and nobody says so")
				}
				for _, want := range []string{"1000 spans not delivered to " + address, "1 log records not delivered"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q is not in:\n%v", want, err)
					}
				}
				if again := m.Shutdown(t.Context()); again != err { //nolint:errorlint // the very same
					t.Errorf("the second shutdown says %v", again)
				}
			})
		}
	}
}

func TestFlushIsBoundedToo(t *testing.T) {
	m, err := start(t, Config{Endpoint: "http://" + silent(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := m.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Shutdown(done); err == nil {
		t.Error("nothing said of a shutdown that had no time")
	}
}

func TestFullQueueIsALossInTheShutdownError(t *testing.T) {
	m, err := start(t, Config{Endpoint: "http://" + silent(t)}, "OTEL_BSP_MAX_QUEUE_SIZE=10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=10")
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		_, span := otel.Tracer("t").Start(t.Context(), "s")
		span.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = m.Shutdown(ctx)
	a := m.Status().Accounts[0]
	if full, left := a.Dropped["queue_full"], a.Dropped["abandoned"]; full == 0 || left == 0 || full+left != 100 {
		t.Errorf("%s, want 100 spans in all", a)
	}
	if !strings.Contains(err.Error(), "100 spans not delivered to ") {
		t.Errorf("got %v", err)
	}
}

// panicking is a tap that panics when it is flushed.
type panicking struct{ *recorder }

func (p panicking) SpanProcessor() sdktrace.SpanProcessor { return panickingProcessor{p.spans} }

type panickingProcessor struct{ sdktrace.SpanProcessor }

func (panickingProcessor) ForceFlush(context.Context) error { panic("tap") }

func TestPanickingTapIsAnError(t *testing.T) {
	m, err := start(t, Config{Exporters: "none", Taps: []Tap{panicking{newRecorder()}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "panicked: tap") {
		t.Errorf("got %v", err)
	}
}

func TestSecondShutdownWaitsNoLongerThanItsContext(t *testing.T) {
	m, err := start(t, Config{Endpoint: "http://" + silent(t)})
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	first := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	go func() { first <- m.Shutdown(ctx) }()
	waitUntil(t, m.stopping.Load)
	done, stop := context.WithCancel(t.Context())
	stop()
	if err := m.Shutdown(done); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-first; err == nil {
		t.Error("the first lost nothing")
	}
}

func waitUntil(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		<-tick.C
	}
}

func TestNilContextDoesNotCrash(t *testing.T) {
	m, err := start(t, Config{Exporters: "none"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Flush(nil), m.Shutdown(nil)); err != nil { //nolint:staticcheck // the point
		t.Error(err)
	}
}

func TestReceiverThatNeverWasIsNotWaitedFor(t *testing.T) {
	m, err := start(t, Config{Endpoint: "http://" + loopback.Addr(t)})
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := m.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "1 spans not delivered") { // or the test takes an hour
		t.Errorf("got %v", err)
	}
}

// A callback that never ends costs a shutdown its own values and no more than its
// deadline, and the ledger knows of the rest.
func TestShutdownWithHungCallback(t *testing.T) {
	quiet(t)
	r := receiver(t)
	m, err := start(t, Config{Endpoint: r.HTTPURL()})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	defer close(release)
	_, err = otel.Meter("t").Int64ObservableGauge("hung", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
		<-release // a shutdown that waits for it outlasts the test
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := m.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for _, a := range m.Status().Accounts {
		if a.Created != a.Delivered || a.Signal == exporters.Traces && a.Created != 1 || a.Signal == exporters.Metrics && a.Created == 0 {
			t.Errorf("%s", a)
		}
	}
	if len(r.Spans()) != 1 {
		t.Errorf("%d spans arrived", len(r.Spans()))
	}
}

// By what ends first a rule tells a process that ended in order, so health ends
// before the rest whatever the program shuts down first.
func TestHealthEndsBeforeTheRest(t *testing.T) {
	r, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m, err := start(t, Config{}, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.HTTPURL(), "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	if err != nil {
		t.Fatal(err)
	}
	observe := func(_ context.Context, o metric.Float64Observer) error { o.Observe(0); return nil }
	for scope, name := range map[string]string{keys.ScopeHealth: keys.HealthSchedulerLag, "shop": "shop.open"} {
		if _, err := otel.Meter(scope).Float64ObservableGauge(name, metric.WithFloat64Callback(observe)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(m.Flush(t.Context()), m.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, m := range r.Metrics() {
		times[m.GetName()]++
	}
	if times["process.uptime"] != 2 || times["shop.open"] != 2 || times[keys.HealthSchedulerLag] != 1 {
		t.Errorf("%v", times)
	}
}
