package settings_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/otelmon/otelmon-go/internal/settings"
)

func TestFaults(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"OTEL_BSP_MAX_QUEUE_SIZE=lots", `OTEL_BSP_MAX_QUEUE_SIZE: "lots" (environment OTEL_BSP_MAX_QUEUE_SIZE) is not a whole number; allowed are 1 to 1048576`},
		{"OTEL_BSP_MAX_QUEUE_SIZE=-1", "out of range"},
		{"OTEL_BSP_MAX_QUEUE_SIZE=0", "out of range"},
		{"OTEL_BSP_MAX_QUEUE_SIZE=1.5", "not a whole number"},
		{"OTEL_BSP_MAX_QUEUE_SIZE=99999999999999999999", "out of range"},
		{"OTEL_BLRP_SCHEDULE_DELAY=0", "allowed are 1 to 2147483647 milliseconds"},
		{"OTEL_BLRP_SCHEDULE_DELAY=5s", "not a whole number; allowed are 1 to 2147483647 milliseconds"},
		{"OTEL_EXPORTER_OTLP_TIMEOUT=-5", "0 to 2147483647 milliseconds, 0 for no limit"},
		{"OTEL_SPAN_EVENT_COUNT_LIMIT=-1", "out of range"},
		{"OTEL_TRACES_SAMPLER=sometimes", `"sometimes" (environment OTEL_TRACES_SAMPLER) is unknown; allowed are always_on`},
		{"OTEL_TRACES_SAMPLER=jaeger_remote", "is not supported; supported are always_on"},
		{"OTEL_PROPAGATORS=tracecontext,xray", `holds "xray", which is not supported; supported are tracecontext, baggage, b3, b3multi, jaeger, none`},
		{"OTEL_PROPAGATORS=none,b3", "mixes none with other values"},
		{"OTEL_TRACES_EXPORTER=zipkin", "send OTLP to a collector"},
		{"OTEL_TRACES_EXPORTER=prometheus", "is unknown; allowed are otlp, console, none"},
		{"OTEL_METRICS_EXPORTER=logging", "write console"},
		{"OTEL_LOGS_EXPORTER=,", "names nothing"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "is not supported; write http/protobuf"},
		{"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http", "allowed are grpc, http/protobuf"},
		{"OTEL_EXPORTER_OTLP_COMPRESSION=zstd", "allowed are gzip, none"},
		{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=both", "allowed are cumulative, delta, lowmemory"},
		{"OTEL_EXPORTER_OTLP_HEADERS=api-key", "fault in pair 1: it has no equals sign"},
		{"OTEL_EXPORTER_OTLP_HEADERS=a=1,=s3cret", "fault in pair 2: its key is empty"},
		{"OTEL_EXPORTER_OTLP_HEADERS=key=s3cret%zz", `the value of "key" is not percent-encoded`},
		{"OTEL_RESOURCE_ATTRIBUTES=key=s3cret%ff", `the value of "key" is not valid UTF-8`},
		{"OTEL_SERVICE_NAME=a\xffb", "is not valid UTF-8"},
		{"OTEL_SERVICE_NAME=a\nb", "control character at byte 1"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://u:s3cret@host/\x01?s3cret", "control character"},
		{"OTEL_TRACES_SAMPLER=" + strings.Repeat("ä", 1000), "…"},
	} {
		_, err := settings.Resolve([]string{c.env}, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %q in it", c.env, err, c.want)
			continue
		}
		if text := err.Error(); strings.Contains(text, "s3cret") || strings.ContainsAny(text, "\n\x01") || len(text) > 500 {
			t.Errorf("%.80s: not fit to be printed: %q", c.env, text)
		}
	}
}

func TestRatio(t *testing.T) {
	for _, bad := range []string{"NaN", "Inf", "-0.1", "1.01", "half", "1e400"} {
		_, err := settings.Resolve([]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=" + bad}, nil)
		if err == nil || !strings.Contains(err.Error(), "number from 0 to 1") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestFaultsAreJoinedAndReplaced(t *testing.T) {
	set, err := settings.Resolve([]string{
		"OTEL_BSP_MAX_QUEUE_SIZE=x", "OTEL_LOG_LEVEL=loud", "OTEL_EXPORTER_OTLP_TIMEOUT=7000", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT=x",
	}, []settings.Code{{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Field: "Config.Protocol", Value: "soap"}, {Name: "OTEL_X", Field: "Config.X", Value: "1"}})
	for _, want := range []string{"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_LOG_LEVEL", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "(code Config.Protocol)", "Config.X"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 5 {
		t.Errorf("%d faults, want each once:\n%v", n, err)
	}
	if set.Int("OTEL_BSP_MAX_QUEUE_SIZE") != 2048 || set.Int("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT") != 7000 || set.String("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL") != "http/protobuf" {
		t.Error("faulty values are not replaced by their defaults")
	}
}

func TestBatchBiggerThanItsQueue(t *testing.T) {
	set, err := settings.Resolve([]string{"OTEL_BLRP_MAX_QUEUE_SIZE=10", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE=11"}, nil)
	if err == nil || !strings.Contains(err.Error(), "is more than OTEL_BLRP_MAX_QUEUE_SIZE, 10") {
		t.Error(err)
	}
	if got := set.Int("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"); got != 10 {
		t.Errorf("batch of %d", got)
	}
}

func TestWarnings(t *testing.T) {
	for env, want := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPIONT=x":             "did you mean OTEL_EXPORTER_OTLP_ENDPOINT?",
		"OTEL_EXPORTER_OTLP_TRACE_ENDPOINT=x":       "did you mean OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?",
		"OTEL_EXPORTER_OTLP_LOG_HEADERS=x":          "did you mean OTEL_EXPORTER_OTLP_LOGS_HEADERS?",
		"OTEL_SERVICENAME=x":                        "did you mean OTEL_SERVICE_NAME?",
		"OTEL_TRACE_SAMPLER=x":                      "did you mean OTEL_TRACES_SAMPLER?",
		"OTEL_TRACES_EXPORTERS=x":                   "did you mean OTEL_TRACES_EXPORTER?",
		"OTEL_DISABLED=x":                           "did you mean OTEL_SDK_DISABLED?",
		"OTEL_COMPLETELY_DIFFERENT_THING=x":         "remove it or correct its name",
		"OTEL_" + strings.Repeat("X", 100000) + "=": "",
		"OTEL_" + strings.Repeat("X", 1000) + "=1":  "remove it",
		"OTEL_=1":                               "remove it",
		"OTEL_A\nB=1":                           `\n`,
		"OTEL_EXPORTER_ZIPKIN_ENDPOINT=x":       "is not supported and has no effect; send OTLP",
		"OTEL_EXPORTER_JAEGER_AGENT_HOST=x":     "is not supported",
		"OTEL_EXPORTER_PROMETHEUS_HOST=0.0.0.0": "is not supported and has no effect; give exporters/prometheus as a tap",
		"OTEL_EXPORTER_PROMETHEUS_PORT=9464":    "serve it on an address of your own",
		"OTEL_CONFIG_FILE=x":                    "is not supported and has no effect; set the OTEL_ variables",
		"OTEL_EXPORTER_OTLP_SPAN_INSECURE=true": "write OTEL_EXPORTER_OTLP_TRACES_INSECURE",
		"OTEL_SDK_DISABLED=1":                   `"1" (environment OTEL_SDK_DISABLED) is neither true nor false and counts as false`,
		"OTEL_TRACES_SAMPLER_ARG=0.5":           "has no effect on the sampler parentbased_always_on",
		"OTEL_SERVICE=x":                        "write OTEL_SERVICE_NAME",
		"OTEL_EXPORTER_ENDPOINT=x":              "write OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_TRACES_SAMPLER_RATIO=0.5":         "the ratio as OTEL_TRACES_SAMPLER_ARG",
		"OTEL_EXPORTER_OTLP_API_KEY=s3cret":     "write it into OTEL_EXPORTER_OTLP_HEADERS",
		"OTELMON_COMPLETELY_DIFFERENT_THING=x":  "is unknown and has no effect",
		// Somebody else's.
		"OTEL_GO_X_OBSERVABILITY=true":               "",
		"OTELMON_CONSOLE_URL=http://127.0.0.1:8080":  "",
		"OTELMON_CONSOLE_TOKEN=s3cret":               "",
		"OTEL_SEMCONV_STABILITY_OPT_IN=http":         "",
		"OTEL_PYTHON_LOG_LEVEL=x":                    "",
		"OTEL_INSTRUMENTATION_HTTP_ENABLED=x":        "",
		"OTEL_RESOURCE_ATTRIBUTES_POD_NAME=x":        "",
		"OTEL_COLLECTOR_SERVICE_HOST=10.0.0.1":       "",
		"OTEL_COLLECTOR_SERVICE_PORT_OTLP_GRPC=4317": "",
		"OTEL_COLLECTOR_PORT=tcp://10.0.0.1:4317":    "",
		"OTEL_COLLECTOR_PORT_4317_TCP_ADDR=10.0.0.1": "",
		"OTEL_LOGS_PORT=tcp://10.0.0.1:4318":         "",
		"HOTEL_NAME=ritz":                            "",
	} {
		set, err := settings.Resolve([]string{env}, nil)
		if err != nil {
			t.Errorf("%.80s stops the program: %v", env, err)
		}
		got := ""
		for _, w := range set.Warnings() {
			got += w.Error()
		}
		if !strings.Contains(got, want) || (want == "") != (got == "") || len(got) > 500 || strings.Contains(got, "\n") {
			t.Errorf("%.80s: warned %q, want %q in it", env, got, want)
		}
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	set, err := settings.Resolve([]string{
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20s3cret,x-scope=s3cret",
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://user:s3cret@host:4318/path?token=s3cret",
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=user:s3cr@et@host:4318#s3cret",
		"OTEL_RESOURCE_ATTRIBUTES=service.version=1.2,password=s3cret",
		"OTEL_EXPORTER_OTLP_CLIENT_KEY=/etc/client.key",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range set.All() {
		got[s.Name] = s.Value
		if strings.Contains(s.Value, "s3cr") {
			t.Errorf("%s shows %q", s.Name, s.Value)
		}
	}
	for name, want := range map[string]string{
		"OTEL_EXPORTER_OTLP_HEADERS":           "authorization=[redacted],x-scope=[redacted]",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS":    "authorization=[redacted],x-scope=[redacted]",
		"OTEL_EXPORTER_OTLP_ENDPOINT":          "https://[redacted]@host:4318/[redacted]?[redacted]",
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT":     "[redacted]@host:4318?[redacted]",
		"OTEL_RESOURCE_ATTRIBUTES":             "password=[redacted],service.version=1.2",
		"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "/etc/client.key",
	} {
		if got[name] != want {
			t.Errorf("%s shows %q, want %q", name, got[name], want)
		}
	}
}

func TestAddressesAreRedacted(t *testing.T) {
	const name = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for raw, want := range map[string]string{
		"https://host":                              "https://host",
		"https://host/":                             "https://host/",
		"http://[::1]:4318/v1/traces":               "http://[::1]:4318/v1/traces",
		"https://häuser.example/otlp//v1/logs/":     "https://häuser.example/otlp//v1/logs/",
		"https://host/opentelemetry/api/v1/push":    "https://host/opentelemetry/api/v1/push",
		"https://host/otlp/s3cret":                  "https://host/otlp/[redacted]",
		"https://host/s3cret/v1development/metrics": "https://host/[redacted]/v1development/metrics",
		"https://host/V1/v1s3cret":                  "https://host/[redacted]/[redacted]",
		"https://u:p@host/s3cret?s3cret#s3cret":     "https://[redacted]@host/[redacted]?[redacted]",
		"https://host/s3cret@s3cret":                "https://[redacted]",
		"https://u:s3/cret@host/v1?q":               "https://[redacted]?[redacted]",
		"https://host%2Fs3cret":                     "https://host[redacted]",
		`https:\\host\s3cret`:                       "https:[redacted]",
		"https:/host/s3cret":                        "https:/[redacted]/[redacted]",
		"host:4317/s3cret":                          "host:4317/[redacted]",
	} {
		set, err := settings.Resolve([]string{name + "=" + raw}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range set.All() {
			if s.Name == name && s.Value != want {
				t.Errorf("%s shows %q, want %q", raw, s.Value, want)
			}
		}
		if got := set.OTLP(settings.Traces).Endpoint; got != raw {
			t.Errorf("%s is used as %s", raw, got)
		}
	}
	for _, own := range []string{name, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"} {
		const broken = "https://host/otlp/s3cret\x01"
		_, inEnv := settings.Resolve([]string{own + "=" + broken}, nil)
		_, inCode := settings.Resolve(nil, []settings.Code{{Name: own, Field: "Config.Endpoint", Value: broken}})
		for _, err := range []error{inEnv, inCode} {
			if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "https://host/otlp/[redacted]") {
				t.Errorf("%s: %v", own, err)
			}
		}
	}
}

func TestLookalikes(t *testing.T) {
	for name, want := range map[string]string{
		"OTLP_ENDPOINT":              "write OTEL_EXPORTER_OTLP_ENDPOINT",
		"EXPORTER_OTLP_HEADERS":      "write OTEL_EXPORTER_OTLP_HEADERS",
		"otel_service_name":          "write OTEL_SERVICE_NAME",
		"OTEL-SERVICE-NAME":          "write OTEL_SERVICE_NAME",
		"export OTEL_SERVICE_NAME":   "write OTEL_SERVICE_NAME",
		"OETL_SDK_DISABLED":          "write OTEL_SDK_DISABLED",
		"OTE_SERVICE_NAME":           "write OTEL_SERVICE_NAME",
		"OPENTELEMETRY_SERVICE_NAME": "",
		"OTEL_SERVICE_NAM":           "", // Resolve's matter
		"SERVICE_NAME":               "",
		"LOG_LEVEL":                  "",
		"HOTEL_NAME":                 "",
		"HEADERS":                    "",
		"":                           "",
	} {
		got := ""
		for _, w := range settings.Lookalikes([]string{name + "=s3cret"}) {
			got += w.Error()
		}
		if !strings.Contains(got, want) || (want == "") != (got == "") || strings.Contains(got, "s3cret") {
			t.Errorf("%q: %q, want %q in it", name, got, want)
		}
	}
}

// Every name gets at most one warning, fit to be printed, and a right one none.
func FuzzNames(f *testing.F) {
	set, err := settings.Resolve(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range set.All() {
		f.Add(s.Name)
		f.Add(strings.ToLower(s.Name))
		f.Add(s.Name[1:])
	}
	f.Add("OTELMON_")
	f.Add("OTEL_\xff\n")
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsAny(name, "=") {
			t.Skip("is no name")
		}
		set, _ := settings.Resolve([]string{name + "=none"}, nil)
		about := append(settings.Lookalikes([]string{name + "=none"}), set.Warnings()...)
		isBoolean := slices.ContainsFunc([]string{"_DISABLED", "_INSECURE", "_EACH_SPAN", "_RECORD_ALL"}, func(end string) bool { return strings.HasSuffix(name, end) })
		if len(about) > 1 || set.Source(name) == "environment "+name && !isBoolean && len(about) > 0 {
			t.Errorf("%q: %v", name, about)
		}
		for _, w := range about {
			printable(t, w.Error(), 1)
		}
	})
}

// Whatever the value of whatever variable: no panic, texts fit to be printed,
// and a set that can be used.
func FuzzResolve(f *testing.F) {
	set, err := settings.Resolve(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range set.All() {
		for _, value := range []string{s.Value, "", "-1", "0", "99999999999", "a=b,c", "%", "true", "http://u:p@[::1", "\xff\n"} {
			f.Add(s.Name, value)
		}
	}
	f.Add("OTEL_EXPORTER_OTLP_HEADERS", "a=%41,b=%zz")
	f.Add("OTEL_SERVICE_NAM", "x")
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, given := range []struct {
			env  []string
			code []settings.Code
		}{
			{[]string{name + "=" + value}, nil},
			{nil, []settings.Code{{Name: name, Field: "Config.Field", Value: value}}},
		} {
			set, err := settings.Resolve(given.env, given.code)
			if err != nil {
				printable(t, err.Error(), strings.Count(value, ",")+1)
			}
			for _, w := range set.Warnings() {
				printable(t, w.Error(), 1)
			}
			for _, s := range settings.Signals() {
				if o := set.OTLP(s); o.Endpoint == "" || o.Protocol == "" || o.Timeout <= 0 {
					t.Errorf("%q=%q: %+v", name, value, o)
				}
			}
			for _, n := range []string{"OTEL_BSP_", "OTEL_BLRP_"} {
				if q, b := set.Int(n+"MAX_QUEUE_SIZE"), set.Int(n+"MAX_EXPORT_BATCH_SIZE"); b < 1 || b > q || set.Duration(n+"SCHEDULE_DELAY") <= 0 {
					t.Errorf("%q=%q: queue %d, batch %d", name, value, q, b)
				}
			}
		}
	})
}

// printable holds a message of so many parts to one short line a part.
func printable(t *testing.T, text string, parts int) {
	t.Helper()
	if !utf8.ValidString(text) || len(text) > 1000*parts {
		t.Errorf("%d bytes: %.300q", len(text), text)
	}
	for _, r := range text {
		if r < ' ' && r != '\n' || r == 0x7f {
			t.Errorf("control character in %.300q", text)
		}
	}
}
