package otelmon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
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
		_ = m.Shutdown(ctx)            // the tests that care look at it themselves
		otel.SetLogger(logr.Discard()) // the output of a test ends with it
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

func TestFaultsNameTheVariableToChange(t *testing.T) {
	_, err := start(t, Config{}, "OTEL_EXPORTER_OTLP_ENDPOINT=https://collector:4318",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=/nope", "OTEL_EXPORTER_OTLP_LOGS_HEADERS=a b=c")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"environment OTEL_EXPORTER_OTLP_CERTIFICATE: ", "environment OTEL_EXPORTER_OTLP_LOGS_HEADERS"} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not there once:\n%v", want, err)
		}
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

// leveling is a tap that wants the level of the logger.
type leveling struct {
	*recorder

	level *slog.LevelVar
}

func (l *leveling) AdoptLogLevel(v *slog.LevelVar) { l.level = v }

func TestTapsThatChangeTheLogLevelAreGivenIt(t *testing.T) {
	tap := &leveling{recorder: newRecorder()}
	m, err := start(t, Config{Exporters: "none", Taps: []Tap{tap}})
	if err != nil {
		t.Fatal(err)
	}
	if tap.level != m.LogLevel() {
		t.Error("the tap was not given the level")
	}
	tap.level.Set(slog.LevelDebug)
	if !m.Logger().Enabled(t.Context(), slog.LevelDebug) {
		t.Error("the level that the tap sets does not hold")
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
