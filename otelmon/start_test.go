package otelmon

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// start runs Start with a clean environment and puts the globals back.
func start(t *testing.T, cfg Config, environ ...string) (*Monitor, error) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	tracers, meters, loggers := otel.GetTracerProvider(), otel.GetMeterProvider(), otel.GetLoggerProvider()
	handler, propagator := otel.GetErrorHandler(), otel.GetTextMapPropagator()
	if cfg.LogOutput == nil {
		cfg.LogOutput = t.Output()
	}
	m, err := Start(t.Context(), cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = m.Shutdown(ctx) // the tests that care look at it themselves
		otel.SetTracerProvider(tracers)
		otel.SetMeterProvider(meters)
		otel.SetLoggerProvider(loggers)
		otel.SetErrorHandler(handler)
		otel.SetTextMapPropagator(propagator)
	})
	return m, err
}

func TestZeroConfigWorks(t *testing.T) {
	m, err := start(t, Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Setting{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318", "default"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "default"},
		{"OTEL_TRACES_EXPORTER", "otlp", "default"},
		{"OTEL_PROPAGATORS", "tracecontext,baggage", "default"},
	} {
		if !slices.Contains(m.Settings(), want) {
			t.Errorf("no %+v in the settings", want)
		}
	}
}

func TestCodeBeatsEnvironmentBeatsDefault(t *testing.T) {
	m, err := start(t, Config{
		Service: "code", Exporters: "none", Headers: map[string]string{"api-key": "hunter2, = %"},
		Attributes: []attribute.KeyValue{attribute.String("license", "hunter2")},
	}, "OTEL_RESOURCE_ATTRIBUTES=token=hunter2,team.name=a", "OTEL_SERVICE_NAME=env", "OTEL_TRACES_EXPORTER=console", "OTEL_BSP_MAX_QUEUE_SIZE=7")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Setting{}
	for _, s := range m.Settings() {
		got[s.Name] = s
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s tells a secret", s.Name)
		}
	}
	for name, want := range map[string]Setting{
		"OTEL_SERVICE_NAME":              {Value: "code", Source: "code Config.Service"},
		"OTEL_TRACES_EXPORTER":           {Value: "none", Source: "code Config.Exporters"},
		"OTEL_BSP_MAX_QUEUE_SIZE":        {Value: "7", Source: "environment OTEL_BSP_MAX_QUEUE_SIZE"},
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": {Value: got["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"].Value, Source: got["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"].Source},
		"resource service.name":          {Value: "code", Source: "code Config.Service"},
	} {
		want.Name = name
		if got[name] != want {
			t.Errorf("got %+v, want %+v", got[name], want)
		}
	}
}

func TestEveryFaultComesAtOnceAndTheMonitorStaysUsable(t *testing.T) {
	m, err := start(t, Config{
		Endpoint: "localhost:4318", Taps: []Tap{nil, (*recorder)(nil)}, Attributes: []attribute.KeyValue{{}},
	}, "OTEL_TRACES_SAMPLER=sometimes", "OTEL_BSP_MAX_QUEUE_SIZE=-5", "OTEL_METRICS_EXPORTER=carrier-pigeon")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"OTEL_TRACES_SAMPLER", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_METRICS_EXPORTER", "carrier-pigeon",
		"Config.Endpoint", "http://localhost:4318", "Config.Taps[0]", "Config.Taps[1]", "Config.Attributes",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not among the faults:\n%v", want, err)
		}
	}
	m.Logger().Info("still here")
	if err := errors.Join(m.Flush(t.Context()), m.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestPortsOfTheTwoProtocolsAreNotMixedUp(t *testing.T) {
	for _, tc := range []struct{ endpoint, protocol, want string }{
		{"http://localhost:4317", "http/protobuf", "4318"},
		{"http://localhost:4318", "grpc", "4317"},
	} {
		if _, err := start(t, Config{Endpoint: tc.endpoint, Protocol: tc.protocol}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

func TestMisspeltVariableIsToldWithTheRightName(t *testing.T) {
	var out bytes.Buffer
	if _, err := start(t, Config{LogOutput: &out, Exporters: "none"}, "OTEL_EXPORTER_OLTP_ENDPOINT=http://x"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "OTEL_EXPORTER_OTLP_ENDPOINT") {
		t.Errorf("the right name is not told: %s", &out)
	}
}

// scraped is a tap that is a handler, too.
type scraped struct{ *recorder }

func (scraped) ServeHTTP(http.ResponseWriter, *http.Request) {}

func TestPrometheusByEnvironmentNeedsATap(t *testing.T) {
	if _, err := start(t, Config{}, "OTEL_METRICS_EXPORTER=prometheus"); err == nil || !strings.Contains(err.Error(), "Taps") {
		t.Errorf("got %v", err)
	}
	if _, err := start(t, Config{Taps: []Tap{newRecorder()}}, "OTEL_METRICS_EXPORTER=prometheus"); err == nil {
		t.Error("a tap that serves nothing was taken for the handler")
	}
	if _, err := start(t, Config{Taps: []Tap{scraped{newRecorder()}}}, "OTEL_METRICS_EXPORTER=prometheus"); err != nil {
		t.Error(err)
	}
}

func TestDisabledSDKRecordsNothingButPropagates(t *testing.T) {
	r := newRecorder()
	m, err := start(t, Config{Taps: []Tap{r}}, "OTEL_SDK_DISABLED=true", "OTEL_PROPAGATORS=b3", "OTEL_EXPORTER_OTLP_ENDPOINT=no:scheme")
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	m.Logger().Info("the console still works")
	if len(r.spans.Started()) != 0 {
		t.Error("a span was recorded")
	}
	if f := otel.GetTextMapPropagator().Fields(); !slices.Contains(f, "b3") {
		t.Errorf("propagates %v", f)
	}
}

func TestPropagatorsByName(t *testing.T) {
	fields := propagators([]string{"tracecontext", "baggage", "b3", "b3multi", "jaeger"}).Fields()
	for _, want := range []string{"traceparent", "baggage", "b3", "x-b3-traceid", "uber-trace-id"} {
		if !slices.Contains(fields, want) {
			t.Errorf("no %s in %v", want, fields)
		}
	}
	carrier := propagation.MapCarrier{}
	propagators(nil).Inject(t.Context(), carrier)
	if len(carrier) != 0 {
		t.Errorf("none injects %v", carrier)
	}
}

func TestSamplersByName(t *testing.T) {
	for name, want := range map[string]string{
		"always_on":                "AlwaysOnSampler",
		"always_off":               "AlwaysOffSampler",
		"traceidratio":             "TraceIDRatioBased{0.25}",
		"parentbased_always_on":    "ParentBased{root:AlwaysOnSampler",
		"parentbased_always_off":   "ParentBased{root:AlwaysOffSampler",
		"parentbased_traceidratio": "ParentBased{root:TraceIDRatioBased{0.25}",
	} {
		if got := sampler(name, .25).Description(); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestTapsReceiveAllSignalsAndRuntimeMetrics(t *testing.T) {
	r := newRecorder()
	m, err := start(t, Config{Service: "shop", Exporters: "none", Taps: []Tap{r}})
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("t").Start(t.Context(), "s")
	span.End()
	if s := r.spans.Ended(); len(s) != 1 || !strings.Contains(s[0].Resource().String(), "service.name=shop") {
		t.Errorf("spans %v", s)
	}
	for _, name := range []string{
		"go.memory.used", "go.goroutine.count", "process.cpu.time", "process.uptime",
	} {
		r.collect(t, name)
	}
	h, err := otel.Meter("t").Float64Histogram("h", metric.WithUnit("s"))
	if err != nil {
		t.Fatal(err)
	}
	h.Record(t.Context(), .2)
	if n := len(r.collect(t, "h").Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds); n != len(secondsBuckets()) {
		t.Errorf("%d bounds", n)
	}
	if err := m.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

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

func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestShutdownKeepsItsDeadlineAndSaysWhatIsLost(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		for name, address := range map[string]string{"dead": dead(t), "silent": silent(t)} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				m, err := start(t, Config{Endpoint: "http://" + address, Protocol: protocol})
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

				const budget = 600 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), budget)
				defer cancel()
				began := time.Now()
				err = m.Shutdown(ctx)
				// Ten times the budget is the exporters' own timeout: a shutdown
				// that waits for it, and not for ctx, ends well behind this.
				if took := time.Since(began); took > 5*budget {
					t.Errorf("took %s of %s", took, budget)
				}
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

func TestSDKLogIsQuietUnlessAskedFor(t *testing.T) {
	for _, tc := range []struct {
		environ string
		want    bool // the SDK tells its configuration at information level
	}{
		{"OTEL_LOG_LEVEL=", false},
		{"OTEL_LOG_LEVEL=error", false},
		{"OTEL_LOG_LEVEL=none", false},
		{"OTEL_LOG_LEVEL=info", true},
		{"OTEL_LOG_LEVEL=debug", true},
	} {
		var out bytes.Buffer
		if _, err := start(t, Config{LogOutput: &out, Exporters: "none"}, tc.environ); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "TracerProvider created"); got != tc.want {
			t.Errorf("%s: the SDK's log is heard: %v\n%s", tc.environ, got, &out)
		}
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
	var failed, dropped int
	err = m.Shutdown(ctx)
	for line := range strings.Lines(err.Error()) {
		if n, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, "spans not delivered") {
			failed, _ = strconv.Atoi(n)
		} else if strings.HasPrefix(rest, "spans dropped") {
			dropped, _ = strconv.Atoi(n)
		}
	}
	if failed == 0 || dropped == 0 || failed+dropped != 100 {
		t.Errorf("%d failed and %d dropped of 100:\n%v", failed, dropped, err)
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
	d := &delivery{items: "spans", to: dead(t)}
	d.lookForReceiver(t.Context())
	if d.refused != nil {
		t.Error("given up before anything was tried: the receiver may just be starting")
	}
	fail := d.Traces(failing{})
	if err := fail.ExportSpans(t.Context(), []sdktrace.ReadOnlySpan{nil}); err == nil {
		t.Fatal("no error")
	}
	d.lookForReceiver(t.Context())
	if d.refused == nil || !strings.Contains(d.losses(nil).Error(), d.to) {
		t.Errorf("still waited for: %v", d.losses(nil))
	}
	far := &delivery{items: "spans", to: "192.0.2.1:4318"}
	far.lookForReceiver(t.Context())
	if far.refused != nil {
		t.Error("another machine was dialled")
	}
}

type failing struct{}

func (failing) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return errors.New("no") }
func (failing) Shutdown(context.Context) error                             { return nil }

func TestAddressOfAnEndpoint(t *testing.T) {
	for in, want := range map[string]string{
		"http://localhost:4318":      "localhost:4318",
		"http://collector/otlp":      "collector:80",
		"https://[::1]":              "[::1]:443",
		"https://otlp.example.com/x": "otlp.example.com:443",
		"localhost:4317":             "localhost:4317",
	} {
		if got := address(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}
