package otelmon_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/alert"
	"github.com/otelmon/otelmon-go/internal/oteltest"
	"github.com/otelmon/otelmon-go/otelmon"
)

// signal is one thing that we emit: the unit is a metric's, the kind its
// instrument as the wire shows it.
type signal struct {
	kind, unit string
	attributes []string
}

// TestTelemetryIsDocumented compares docs/telemetry.md with what a program that
// uses everything sends over the wire, both ways.
func TestTelemetryIsDocumented(t *testing.T) {
	receiver, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	emitEverything(t, receiver)
	allSpans, allEvents := spans(receiver), events(receiver)
	emitOverTime(t, allSpans, allEvents)

	documented := readTelemetry(t)
	for section, emitted := range map[string]map[string]signal{
		"metric": metrics(receiver), "span": allSpans, "event": allEvents,
	} {
		want := documented[section]
		for _, name := range slices.Sorted(maps.Keys(emitted)) {
			got, doc := emitted[name], want[name]
			if doc.kind == "" {
				t.Errorf("%s %s is emitted but not documented: %+v", section, name, got)
				continue
			}
			if got.kind != doc.kind || got.unit != doc.unit || !slices.Equal(got.attributes, doc.attributes) {
				t.Errorf("%s %s:\n   emitted %+v\ndocumented %+v", section, name, got, doc)
			}
		}
		for name := range want {
			if _, ok := emitted[name]; !ok {
				t.Errorf("%s %s is documented but not emitted", section, name)
			}
		}
	}
}

// emitEverything runs a program that causes every signal once.
func emitEverything(t *testing.T, receiver *oteltest.Receiver) {
	t.Helper()
	debug.SetMemoryLimit(1 << 40)
	defer debug.SetMemoryLimit(math.MaxInt64)
	mon, err := otelmon.Start(t.Context(), otelmon.Config{Endpoint: receiver.HTTPURL(), LogOutput: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := otelmon.Begin(t.Context(), "telemetry-test")
	failure := errors.New("failure")
	end(&failure)
	serve(t)
	if _, err := global.Meter("telemetry-test").Int64ObservableGauge("unseen", metric.WithInt64Callback(
		func(context.Context, metric.Int64Observer) error { return failure },
	)); err != nil {
		t.Fatal(err)
	}

	con := console.New(console.Options{})
	con.AdoptLogLevel(mon.LogLevel())
	if _, err := con.SetLogLevel(t.Context(), "telemetry-test", slog.LevelInfo, time.Second); err != nil {
		t.Fatal(err)
	}

	checks := health.New(health.Options{})
	for _, check := range []health.Check{
		{Name: "good", Func: func(context.Context) error { return nil }},
		{Name: "bad", Func: func(context.Context) error { return failure }, DependsOn: []string{"good"}},
	} {
		check.Interval = time.Hour
		if err := checks.Register(check); err != nil {
			t.Fatal(err)
		}
	}
	if err := checks.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		return !slices.ContainsFunc(checks.Report().Results, func(r health.Result) bool { return r.State == health.StateUnknown })
	})
	sendAlerts(t, checks)

	ctx, op := bulk.Start(ctx, "telemetry-test", bulk.Total(100))
	w := op.Worker()
	for range 10 {
		w.OK()
	}
	op.Bytes(1)
	op.Skip("unchanged")
	op.Fail(failure)
	op.Retry(failure)
	leave := op.Stage("write").Enter()
	leave()
	waitFor(t, func() bool { return op.Snapshot().Rate > 0 })
	if err := mon.Flush(ctx); err != nil { // while gauges of live things exist
		t.Fatal(err)
	}
	runOnce(t, mon, failure)
	for _, signal := range []exporters.Signal{exporters.Traces, exporters.Metrics, exporters.Logs} {
		exporters.NewProbe("telemetry-test").Send(ctx, exporters.Endpoint{URL: receiver.HTTPURL()}, signal)
	}
	w.Close()
	op.End(&failure)
	if err := errors.Join(checks.Shutdown(t.Context()), mon.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// runOnce has a run refused, then decide something, and fail.
func runOnce(t *testing.T, mon *otelmon.Monitor, failure error) {
	t.Helper()
	refused := false
	fast := func(context.Context, []int) error {
		if !refused {
			refused = true
			return bulk.Overload(failure, time.Nanosecond)
		}
		return failure
	}
	numbers := func(yield func(int) bool) { yield(1) }
	if _, err := bulk.Run(t.Context(), "telemetry-test", numbers, fast, bulk.Total(1)); !errors.Is(err, bulk.ErrBudget) {
		t.Errorf("error = %v", err)
	}
	// Gauges are those of a run that is under way.
	flush := func(ctx context.Context, _ []int) error { return mon.Flush(ctx) }
	if _, err := bulk.Run(t.Context(), "telemetry-test", numbers, flush); err != nil {
		t.Error(err)
	}
}

// sendAlerts tells two receivers of what fails, one of which refuses it.
func sendAlerts(t *testing.T, checks *health.Registry) {
	t.Helper()
	var asked sync.WaitGroup
	asked.Add(2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer asked.Done()
		if req.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
		}
	}))
	defer server.Close()
	alerts, err := alert.Start(t.Context(), checks, alert.Options{
		Hold:      time.Millisecond,
		Receivers: []alert.Receiver{alert.Webhook(server.URL + "/gone"), alert.Alertmanager(server.URL)},
	})
	if err != nil {
		t.Fatal(err)
	}
	asked.Wait()
	if err := alerts.Shutdown(t.Context()); err == nil {
		t.Error("Shutdown does not tell that a receiver refused an alert")
	}
}

// emitOverTime adds what only an operation of some length emits.
func emitOverTime(t *testing.T, spans, events map[string]signal) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		recorder, records := tracetest.NewSpanRecorder(), &logRecorder{}
		providers := bulk.Providers{
			Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
			Logger: sdklog.NewLoggerProvider(sdklog.WithProcessor(records)),
		}
		limited := append(make([]time.Duration, 30), 42*time.Second, 0, 2*time.Hour, 0, 0)
		for item, more := range bulk.Each(t.Context(), "telemetry-test", slices.Values(limited), providers, bulk.Total(100)) {
			leave := item.Operation().Stage("read").Enter()
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // virtual time
			leave()
			leave = item.Operation().Stage("write").Enter()
			time.Sleep(time.Second + more) //nolint:forbidigo // virtual time
			leave()
		}
		decide(t, providers)
		flap(t, records)
		for _, span := range recorder.Ended() {
			name := strings.Replace(span.Name(), "telemetry-test", "{name}", 1)
			switch name {
			case "bulk.segment", "bulk.item", "bulk {name}", "bulk.chapter {name}":
				s := spans[name]
				s.kind = span.SpanKind().String()
				for _, a := range span.Attributes() {
					s.add(string(a.Key))
				}
				spans[name] = s
			}
		}
		for _, record := range records.all {
			s := events[record.EventName()]
			s.kind = "log"
			record.WalkAttributes(func(a attribute.KeyValue) bool {
				s.add(string(a.Key))
				return true
			})
			events[record.EventName()] = s
		}
	})
}

// decide runs a job until its controller has found something.
func decide(t *testing.T, providers bulk.Providers) {
	t.Helper()
	work := func(context.Context, []int) error {
		time.Sleep(100 * time.Millisecond) //nolint:forbidigo // virtual time
		return nil
	}
	_, err := bulk.Run(t.Context(), "telemetry-test", slices.Values(make([]int, 10_000)), work, bulk.Total(10_000), providers)
	if err != nil {
		t.Error(err)
	}
}

// flap runs a check that flaps and then settles as unhealthy.
func flap(t *testing.T, records *logRecorder) {
	t.Helper()
	checks := health.New(health.Options{LoggerProvider: sdklog.NewLoggerProvider(sdklog.WithProcessor(records))})
	calls := 0
	root := checks.Register(health.Check{Name: "root", Func: func(context.Context) error { return nil }})
	err := checks.Register(health.Check{Name: "flapping", DependsOn: []string{"root"}, Interval: time.Second, Func: func(context.Context) error {
		if calls++; calls > 11 || calls%2 == 0 {
			return errors.New("failure")
		}
		return nil
	}})
	if err := errors.Join(root, err, checks.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute) //nolint:forbidigo // virtual time
	if err := checks.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// logRecorder is a log processor that keeps what it is given.
type logRecorder struct {
	mu  sync.Mutex
	all []sdklog.Record
}

func (r *logRecorder) OnEmit(_ context.Context, record *sdklog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, record.Clone())
	return nil
}

func (r *logRecorder) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (r *logRecorder) Shutdown(context.Context) error                         { return nil }
func (r *logRecorder) ForceFlush(context.Context) error                       { return nil }

// serve makes one request through the instrumented client and server.
func serve(t *testing.T) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(otelmon.Handler(mux))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := otelmon.Transport(nil).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

func metrics(r *oteltest.Receiver) map[string]signal {
	all := map[string]signal{}
	for _, m := range r.Metrics() {
		s := all[m.GetName()]
		s.unit = m.GetUnit()
		var points []interface{ GetAttributes() []*commonpb.KeyValue }
		switch d := m.GetData().(type) {
		case *metricspb.Metric_Gauge:
			s.kind = "gauge"
			points = attributed(d.Gauge.GetDataPoints())
		case *metricspb.Metric_Sum:
			s.kind = "updowncounter"
			if d.Sum.GetIsMonotonic() {
				s.kind = "counter"
			}
			points = attributed(d.Sum.GetDataPoints())
		case *metricspb.Metric_Histogram:
			s.kind = "histogram"
			points = attributed(d.Histogram.GetDataPoints())
		}
		for _, p := range points {
			s.addAll(p.GetAttributes())
		}
		all[m.GetName()] = s
	}
	return all
}

func attributed[P interface{ GetAttributes() []*commonpb.KeyValue }](in []P) (out []interface {
	GetAttributes() []*commonpb.KeyValue
},
) {
	for _, p := range in {
		out = append(out, p)
	}
	return out
}

func (s *signal) addAll(attributes []*commonpb.KeyValue) {
	for _, a := range attributes {
		s.add(a.GetKey())
	}
}

func (s *signal) add(key string) {
	if i, found := slices.BinarySearch(s.attributes, key); !found {
		s.attributes = slices.Insert(s.attributes, i, key)
	}
}

// spans are those of our own scopes: what otelhttp puts on its own is its
// matter. A name ends where the part begins that the program chose.
func spans(r *oteltest.Receiver) map[string]signal {
	all := map[string]signal{}
	for _, q := range r.Requests() {
		for _, rs := range q.Traces.GetResourceSpans() {
			for _, ss := range rs.GetScopeSpans() {
				if !strings.HasPrefix(ss.GetScope().GetName(), module) {
					continue
				}
				for _, span := range ss.GetSpans() {
					name, chosen, _ := strings.Cut(span.GetName(), " ")
					if chosen != "" {
						name += " {name}"
					}
					if name == "telemetry-test" {
						name = "{name}"
					}
					s := all[name]
					s.kind = strings.ToLower(strings.TrimPrefix(span.GetKind().String(), "SPAN_KIND_"))
					s.addAll(span.GetAttributes())
					all[name] = s
				}
			}
		}
	}
	return all
}

func events(r *oteltest.Receiver) map[string]signal {
	all := map[string]signal{}
	for _, record := range r.Logs() {
		if name := record.GetEventName(); name != "" {
			s := all[name]
			s.kind = "log"
			s.addAll(record.GetAttributes())
			all[name] = s
		}
	}
	return all
}

var code = regexp.MustCompile("`([^`]+)`")
