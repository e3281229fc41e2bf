package settings_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/settings"
)

func resolve(t *testing.T, environ []string, code ...settings.Code) *settings.Set {
	t.Helper()
	set, err := settings.Resolve(environ, code)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestDefaults(t *testing.T) {
	set := resolve(t, nil)
	for _, warning := range set.Warnings() {
		t.Errorf("an empty environment is warned of: %v", warning)
	}
	want := map[string]string{
		"OTEL_SDK_DISABLED": "false", "OTEL_LOG_LEVEL": "info", "OTEL_PROPAGATORS": "tracecontext,baggage",
		"OTEL_TRACES_SAMPLER": "parentbased_always_on", "OTEL_TRACES_SAMPLER_ARG": "1",
		"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp",
		"OTEL_BSP_SCHEDULE_DELAY": "5000", "OTEL_BLRP_SCHEDULE_DELAY": "1000",
		"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "unlimited", "OTEL_ATTRIBUTE_COUNT_LIMIT": "128",
		"OTEL_SPAN_ATTRIBUTE_VALUE_DEPTH_LIMIT": "64", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_DEPTH_LIMIT": "64",
		"OTEL_SPAN_EVENT_COUNT_LIMIT": "128", "OTEL_SPAN_LINK_COUNT_LIMIT": "128",
		"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "128", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "128",
		"OTEL_METRIC_EXPORT_INTERVAL": "60000", "OTEL_METRIC_EXPORT_TIMEOUT": "30000", "OTEL_METRICS_EXEMPLAR_FILTER": "trace_based",
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE":        "cumulative",
		"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "explicit_bucket_histogram",
		"OTELMON_OUTBOX_MAX_BYTES":                                 "268435456", "OTELMON_OUTBOX_MAX_AGE": "86400000", "OTELMON_OUTBOX_EACH_SPAN": "false",
		"OTELMON_RECORD_ALL": "false",
		"OTELMON_MAX_VALUE":  "16384",
	}
	for _, signal := range []string{"SPAN", "LOGRECORD"} {
		want["OTEL_"+signal+"_ATTRIBUTE_VALUE_LENGTH_LIMIT"] = "unlimited"
		want["OTEL_"+signal+"_ATTRIBUTE_COUNT_LIMIT"] = "128"
	}
	for _, batch := range []string{"BSP", "BLRP"} {
		want["OTEL_"+batch+"_EXPORT_TIMEOUT"] = "30000"
		want["OTEL_"+batch+"_MAX_QUEUE_SIZE"] = "2048"
		want["OTEL_"+batch+"_MAX_EXPORT_BATCH_SIZE"] = "512"
	}
	for _, signal := range []string{"", "TRACES_", "METRICS_", "LOGS_"} {
		maps.Copy(want, map[string]string{
			"OTEL_EXPORTER_OTLP_" + signal + "ENDPOINT": "http://localhost:4318", "OTEL_EXPORTER_OTLP_" + signal + "PROTOCOL": "http/protobuf",
			"OTEL_EXPORTER_OTLP_" + signal + "COMPRESSION": "none", "OTEL_EXPORTER_OTLP_" + signal + "TIMEOUT": "10000",
			"OTEL_EXPORTER_OTLP_" + signal + "INSECURE": "false",
		})
	}
	got := map[string]string{}
	for _, s := range set.All() {
		got[s.Name] = s.Value
		if s.Source != "default" {
			t.Errorf("%s comes from %s", s.Name, s.Source)
		}
	}
	if !maps.Equal(got, want) {
		for name := range got {
			if got[name] != want[name] {
				t.Errorf("%s = %q, want %q", name, got[name], want[name])
			}
		}
		for name := range want {
			if _, ok := got[name]; !ok {
				t.Errorf("%s has no default", name)
			}
		}
	}
	if !slices.IsSortedFunc(set.All(), func(a, b settings.Setting) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("All is not sorted")
	}
}

func TestTypes(t *testing.T) {
	set := resolve(t, []string{
		"OTEL_SDK_DISABLED=TRUE", "OTEL_SERVICE_NAME= shop ", "OTEL_LOG_LEVEL=Verbose",
		"OTEL_BSP_SCHEDULE_DELAY=250", "OTEL_BSP_EXPORT_TIMEOUT=0", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=0",
		"OTEL_TRACES_SAMPLER=ParentBased_TraceIdRatio", "OTEL_TRACES_SAMPLER_ARG=0.25",
		"OTEL_PROPAGATORS=b3, Baggage,,b3,jaeger", "OTEL_TRACES_EXPORTER=otlp,console", "OTEL_LOGS_EXPORTER=NONE",
		"OTEL_RESOURCE_ATTRIBUTES=service.name=a%2Cb, team =core%20ops,empty=",
	})
	if !set.Bool("OTEL_SDK_DISABLED") || set.Bool("OTEL_EXPORTER_OTLP_INSECURE") {
		t.Error("booleans")
	}
	if got := set.String("OTEL_SERVICE_NAME"); got != "shop" {
		t.Errorf("service %q", got)
	}
	if got := set.String("OTEL_LOG_LEVEL"); got != "trace" {
		t.Errorf("level %q", got)
	}
	if got := set.Duration("OTEL_BSP_SCHEDULE_DELAY"); got != 250*time.Millisecond {
		t.Errorf("delay %v", got)
	}
	if got := set.Duration("OTEL_BSP_EXPORT_TIMEOUT"); got < 24*time.Hour {
		t.Errorf("a timeout of 0 means no limit, but it is %v", got)
	}
	if got := [2]int{set.Int("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"), resolve(t, nil).Int("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")}; got != [2]int{0, -1} {
		t.Errorf("limit of 0 and no limit are %v", got)
	}
	if got := set.String("OTEL_TRACES_SAMPLER"); got != "parentbased_traceidratio" || set.Float("OTEL_TRACES_SAMPLER_ARG") != 0.25 {
		t.Errorf("sampler %s %v", got, set.Float("OTEL_TRACES_SAMPLER_ARG"))
	}
	if got := set.List("OTEL_PROPAGATORS"); !slices.Equal(got, []string{"b3", "baggage", "jaeger"}) {
		t.Errorf("propagators %q", got)
	}
	if got := set.Exporters(settings.Traces); !slices.Equal(got, []string{"otlp", "console"}) {
		t.Errorf("exporters %q", got)
	}
	if got := set.Exporters(settings.Logs); len(got) != 0 || set.String("OTEL_LOGS_EXPORTER") != "none" {
		t.Errorf("none means %q", got)
	}
	if got := set.Map("OTEL_RESOURCE_ATTRIBUTES"); !maps.Equal(got, map[string]string{"service.name": "a,b", "team": "core ops", "empty": ""}) {
		t.Errorf("attributes %q", got)
	}
}

func TestCodeBeatsEnvironmentBeatsDefault(t *testing.T) {
	const name = "OTEL_SERVICE_NAME"
	env := []string{name + "=env", name + "=second", "OTEL_LOGS_EXPORTER="}
	set := resolve(t, env, settings.Code{Name: name, Field: "Config.Service", Value: "code"})
	if set.String(name) != "code" || set.Source(name) != "code Config.Service" {
		t.Errorf("%q from %s", set.String(name), set.Source(name))
	}
	set = resolve(t, env, settings.Code{Name: name, Field: "Config.Service", Value: " "})
	if set.String(name) != "env" || set.Source(name) != "environment "+name {
		t.Errorf("%q from %s", set.String(name), set.Source(name))
	}
	if set.Source("OTEL_LOGS_EXPORTER") != "default" || set.String("OTEL_LOGS_EXPORTER") != "otlp" {
		t.Error("an empty variable counts as set")
	}
}

func TestUnknownNamesAreZero(t *testing.T) {
	set := resolve(t, []string{"OTEL_NO_SUCH=1"})
	const name = "OTEL_NO_SUCH"
	if set.String(name) != "" || set.Int(name) != 0 || set.Duration(name) != 0 || set.Float(name) != 0 || set.Bool(name) ||
		set.List(name) != nil || set.Map(name) != nil || set.Source(name) != "" {
		t.Error("a name nobody knows has a value")
	}
}

func TestLookupsAreCopies(t *testing.T) {
	set := resolve(t, []string{"OTEL_RESOURCE_ATTRIBUTES=a=b", "OTEL_UNKNOWN_THING=1"})
	set.List("OTEL_PROPAGATORS")[0] = "x"
	set.Map("OTEL_RESOURCE_ATTRIBUTES")["a"] = "x"
	set.Warnings()[0] = nil
	if set.List("OTEL_PROPAGATORS")[0] == "x" || set.Map("OTEL_RESOURCE_ATTRIBUTES")["a"] == "x" || set.Warnings()[0] == nil {
		t.Error("a caller can change the set")
	}
}

func TestSignalsFallBack(t *testing.T) {
	const p = "OTEL_EXPORTER_OTLP_"
	set := resolve(t, []string{
		p + "ENDPOINT=http://general:4318/base", p + "TRACES_ENDPOINT=http://own:4318/exact", p + "LOGS_PROTOCOL=GRPC", p + "LOGS_ENDPOINT=",
		p + "TIMEOUT=5000", p + "METRICS_TIMEOUT=0", p + "HEADERS=a=1", p + "TRACES_HEADERS=b=2",
		p + "CERTIFICATE=/ca", p + "LOGS_CLIENT_CERTIFICATE=/cert", p + "LOGS_CLIENT_KEY=/key", p + "COMPRESSION=gzip", p + "LOGS_COMPRESSION=none",
		p + "LOGS_INSECURE=true",
	})
	traces, metrics, logs := set.OTLP(settings.Traces), set.OTLP(settings.Metrics), set.OTLP(settings.Logs)
	if traces.Endpoint != "http://own:4318/exact" || !traces.Exact || metrics.Endpoint != "http://general:4318/base" || metrics.Exact {
		t.Errorf("endpoints %+v, %+v", traces, metrics)
	}
	if metrics.Protocol != "http/protobuf" || logs.Protocol != "grpc" {
		t.Errorf("protocols %s, %s", metrics.Protocol, logs.Protocol)
	}
	if traces.Timeout != 5*time.Second || metrics.Timeout < 24*time.Hour {
		t.Errorf("timeouts %v, %v", traces.Timeout, metrics.Timeout)
	}
	if !maps.Equal(traces.Headers, map[string]string{"b": "2"}) || !maps.Equal(metrics.Headers, map[string]string{"a": "1"}) {
		t.Errorf("headers %v, %v", traces.Headers, metrics.Headers)
	}
	if logs.CertificateFile != "/ca" || logs.ClientCertificateFile != "/cert" || logs.ClientKeyFile != "/key" || traces.ClientKeyFile != "" {
		t.Errorf("files %+v", logs)
	}
	if traces.Compression != "gzip" || logs.Compression != "none" || !logs.Insecure || traces.Insecure {
		t.Errorf("compression %s, %s; insecure %t, %t", traces.Compression, logs.Compression, logs.Insecure, traces.Insecure)
	}
	if got := set.Source(p + "METRICS_ENDPOINT"); got != "environment "+p+"ENDPOINT" {
		t.Errorf("the metrics endpoint comes from %s", got)
	}
}

func TestEndpointFollowsProtocol(t *testing.T) {
	set := resolve(t, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf"})
	if got := [2]string{set.OTLP(settings.Traces).Endpoint, set.OTLP(settings.Logs).Endpoint}; got != [2]string{"http://localhost:4317", "http://localhost:4318"} {
		t.Errorf("default endpoints %q", got)
	}
}

// What the program says in general also counts before what the environment
// says for one signal.
func TestGeneralCodeBeatsEnvironmentOfSignal(t *testing.T) {
	const p = "OTEL_EXPORTER_OTLP_"
	set := resolve(t, []string{p + "TRACES_ENDPOINT=http://env:1"}, settings.Code{Name: p + "ENDPOINT", Field: "Config.Endpoint", Value: "http://code:1"})
	if got := set.OTLP(settings.Traces); got.Endpoint != "http://code:1" || got.Exact || set.Source(p+"TRACES_ENDPOINT") != "code Config.Endpoint" {
		t.Errorf("%+v from %s", got, set.Source(p+"TRACES_ENDPOINT"))
	}
}

func TestBatchShrinksWithItsQueue(t *testing.T) {
	set := resolve(t, []string{"OTEL_BSP_MAX_QUEUE_SIZE=100"})
	if got := set.Int("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"); got != 100 {
		t.Errorf("batch of %d from a queue of 100", got)
	}
}

func TestPairs(t *testing.T) {
	want := map[string]string{"a b": "1,2=3%", "ü": "+ ;\"\\", "c": ""}
	set := resolve(t, nil, settings.Code{Name: "OTEL_RESOURCE_ATTRIBUTES", Field: "Config.Attributes", Value: settings.Pairs(want)})
	if got := set.Map("OTEL_RESOURCE_ATTRIBUTES"); !maps.Equal(got, want) {
		t.Errorf("%q came back as %q", want, got)
	}
}
