package doctor_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/doctor"
	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/loopback"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func receiver(t *testing.T, o oteltest.Options) *oteltest.Receiver {
	t.Helper()
	r, err := oteltest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// examine runs the doctor on an environment, without stores unless given.
func examine(t *testing.T, o doctor.Options, environ ...string) doctor.Report {
	t.Helper()
	o.Environ = append(environ, "OTEL_SERVICE_NAME=shop")
	for _, store := range []*string{&o.Jaeger, &o.Prometheus, &o.Loki} {
		if *store == "" {
			*store = doctor.Off
		}
	}
	return doctor.Run(t.Context(), o)
}

func find(r doctor.Report, name, subject string) doctor.Check {
	i := slices.IndexFunc(r.Checks, func(c doctor.Check) bool { return c.Name == name && (subject == "" || c.Subject == subject) })
	if i < 0 {
		return doctor.Check{}
	}
	return r.Checks[i]
}

// The table of what users see when their set-up is wrong.
func TestFaults(t *testing.T) {
	plain := receiver(t, oteltest.Options{})
	authority, err := oteltest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	secure := receiver(t, oteltest.Options{TLS: authority.Server()})
	dead := loopback.Addr(t)
	swap := strings.NewReplacer("http://", "https://", "https://", "http://").Replace
	const endpoint, grpc = "OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
	for name, c := range map[string]struct {
		environ []string
		check   string
		verdict doctor.Verdict
		words   string // of finding and remedy
	}{
		"https to plain":   {[]string{endpoint + swap(plain.HTTPURL())}, doctor.CheckDelivery, doctor.Failed, "write http://"},
		"no scheme":        {[]string{endpoint + "localhost:4318"}, doctor.CheckSettings, doctor.Failed, "http://localhost:4318"},
		"not tried":        {[]string{endpoint + "localhost:4318"}, doctor.CheckDelivery, doctor.Skipped, "settings are wrong"},
		"http to grpc":     {[]string{endpoint + plain.GRPCURL()}, doctor.CheckDelivery, doctor.Failed, "set the protocol to grpc"},
		"grpc to http":     {[]string{endpoint + plain.HTTPURL(), grpc}, doctor.CheckDelivery, doctor.Failed, "http/protobuf"},
		"port of grpc":     {[]string{endpoint + "http://localhost:4317"}, doctor.CheckSettings, doctor.Failed, "Write port 4318"},
		"grpc tls":         {[]string{endpoint + swap(plain.GRPCURL()), grpc}, doctor.CheckDelivery, doctor.Failed, "write http://"},
		"plain to tls":     {[]string{endpoint + swap(secure.HTTPURL())}, doctor.CheckDelivery, doctor.Failed, "write https://"},
		"unknown CA":       {[]string{endpoint + secure.HTTPURL()}, doctor.CheckDelivery, doctor.Failed, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		"refused":          {[]string{endpoint + "http://" + dead}, doctor.CheckDelivery, doctor.Failed, "start the collector"},
		"good":             {[]string{endpoint + plain.HTTPURL()}, doctor.CheckDelivery, doctor.OK, "took the probe"},
		"good grpc":        {[]string{endpoint + plain.GRPCURL(), grpc}, doctor.CheckDelivery, doctor.OK, "took the probe"},
		"certificate":      {[]string{endpoint + secure.HTTPURL(), "OTEL_EXPORTER_OTLP_CERTIFICATE=" + authority.CAFile}, doctor.CheckCertificate, doctor.Warning, "renewed"},
		"typo":             {[]string{"OTEL_SERVICE_NAM=x"}, doctor.CheckSettings, doctor.Warning, "OTEL_SERVICE_NAME?"},
		"invented":         {[]string{"OTEL_TRACES_SAMPLER_RATIO=1"}, doctor.CheckSettings, doctor.Warning, "OTEL_TRACES_SAMPLER_ARG"},
		"lookalike":        {[]string{"OTLP_ENDPOINT=x"}, doctor.CheckSettings, doctor.Warning, "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"value":            {[]string{"OTEL_BSP_MAX_QUEUE_SIZE=lots"}, doctor.CheckSettings, doctor.Failed, "Allowed are"},
		"disabled":         {[]string{"OTEL_SDK_DISABLED=true"}, doctor.CheckExport, doctor.Warning, "switched off"},
		"none":             {[]string{"OTEL_TRACES_EXPORTER=none"}, doctor.CheckExport, doctor.Warning, "nowhere"},
		"console":          {[]string{"OTEL_TRACES_EXPORTER=console"}, doctor.CheckExport, doctor.Warning, "no OTLP backend"},
		"sampler off":      {[]string{"OTEL_TRACES_SAMPLER=always_off"}, doctor.CheckSampler, doctor.Warning, "no trace"},
		"ratio zero":       {[]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, doctor.CheckSampler, doctor.Warning, "no trace"},
		"ratio tiny":       {[]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.00001"}, doctor.CheckSampler, doctor.Warning, "keeps only"},
		"ratio":            {[]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.5"}, doctor.CheckSampler, doctor.OK, "keeps 0.5"},
		"outbox is a file": {[]string{"OTELMON_OUTBOX_DIR=" + authority.CAFile}, doctor.CheckOutbox, doctor.Failed, "no directory"},
		"outbox to come":   {[]string{"OTELMON_OUTBOX_DIR=" + filepath.Join(t.TempDir(), "a", "b"), "OTELMON_OUTBOX_MAX_BYTES=1048576"}, doctor.CheckOutbox, doctor.OK, "can be created"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := find(examine(t, doctor.Options{}, c.environ...), c.check, "")
			if got.Verdict != c.verdict || !strings.Contains(strings.ToLower(got.Found+" "+got.Fix), strings.ToLower(c.words)) || got.Verdict == doctor.Failed && got.Fix == "" {
				t.Errorf("%+v, want %s with %q", got, c.verdict, c.words)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for status, c := range map[int]struct {
		code  codes.Code
		words string
	}{
		401: {codes.Unauthenticated, "OTEL_EXPORTER_OTLP_HEADERS"},
		403: {codes.PermissionDenied, "rights"},
		404: {codes.Unimplemented, "check host, port"},
		413: {codes.ResourceExhausted, ""},
	} {
		r.Fail(oteltest.Fault{Status: status, Code: c.code, Message: "s3cret-s3cret is wrong"})
		for _, protocol := range []string{"http/protobuf", "grpc"} {
			url := map[string]string{"grpc": r.GRPCURL(), "http/protobuf": r.HTTPURL()}[protocol]
			report := examine(t, doctor.Options{}, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_EXPORTER_OTLP_PROTOCOL="+protocol, "OTEL_EXPORTER_OTLP_HEADERS=api-key=s3cret-s3cret")
			for _, signal := range []string{"traces", "metrics", "logs"} {
				got := find(report, doctor.CheckDelivery, signal)
				if protocol == "http/protobuf" && status == 404 {
					c.words = "/v1/traces"
				}
				if got.Verdict != doctor.Failed || got.Fix == "" || !strings.Contains(got.Found+got.Fix, c.words) && status != 404 {
					t.Errorf("%d %s: %+v", status, signal, got)
				}
			}
			if err := report.Err(); err == nil || report.Verdict != doctor.Failed {
				t.Errorf("%s: %v", report.Verdict, err)
			}
			if text, _ := json.Marshal(report); bytes.Contains(text, []byte("s3cret")) {
				t.Errorf("a secret is shown: %s", text)
			}
		}
	}
}

// Neither a sampler nor a disabled SDK keeps probes back.
func TestProbesAreSentWhatever(t *testing.T) {
	r, other := receiver(t, oteltest.Options{}), receiver(t, oteltest.Options{})
	mirror := exporters.To(exporters.Endpoint{URL: other.GRPCURL(), Protocol: exporters.ProtocolGRPC})
	mirror.Name = "mirror"
	report := examine(t, doctor.Options{Mirrors: []exporters.Destination{mirror}, Set: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.HTTPURL()}},
		"OTEL_SDK_DISABLED=true", "OTEL_TRACES_SAMPLER=always_off")
	for _, to := range []*oteltest.Receiver{r, other} {
		if len(to.Spans()) != 1 || len(to.Metrics()) != 1 || len(to.Logs()) != 1 {
			t.Errorf("%d spans, %d metrics, %d log records", len(to.Spans()), len(to.Metrics()), len(to.Logs()))
		}
	}
	if c := find(report, doctor.CheckDelivery, "mirror logs"); c.Verdict != doctor.OK {
		t.Errorf("%+v", c)
	}
	if c := find(report, doctor.CheckDelivery, "traces"); c.Source != "code OTEL_EXPORTER_OTLP_ENDPOINT" {
		t.Errorf("%+v", c)
	}
}

func TestClock(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	}))
	defer server.Close()
	if c := find(examine(t, doctor.Options{}, "OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL), doctor.CheckClock, ""); c.Verdict != doctor.Warning || !strings.Contains(c.Found, "ahead of") {
		t.Errorf("%+v", c)
	}
}

func TestModulesOfNoBinary(t *testing.T) {
	if c := find(examine(t, doctor.Options{Binary: "doctor_test.go"}), doctor.CheckModules, ""); c.Verdict != doctor.Failed {
		t.Errorf("%+v", c)
	}
}

// stores play Jaeger, Prometheus and Loki on one address.
func stores(t *testing.T, content string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v3/traces/{id}", func(w http.ResponseWriter, _ *http.Request) {
		if content == "[]" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(`{"name":"otelmon.probe"}`))
	})
	mux.HandleFunc("GET /api/v1/query", func(w http.ResponseWriter, req *http.Request) {
		if !strings.Contains(req.FormValue("query"), "otelmon[._]probe[._]timestamp.*\"} == 1") {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"result":` + content + `}}`))
	})
	mux.HandleFunc("GET /loki/api/v1/query_range", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"success","data":{"result":` + content + `}}`))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestArrival(t *testing.T) {
	r := receiver(t, oteltest.Options{})
	for _, hold := range []bool{true, false} {
		base := stores(t, map[bool]string{true: "[{}]", false: "[]"}[hold])
		report := examine(t, doctor.Options{Jaeger: base, Prometheus: base + "/", Loki: base, Arrival: 300 * time.Millisecond}, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.HTTPURL())
		for _, signal := range []string{"traces", "metrics", "logs"} {
			c := find(report, doctor.CheckArrival, signal)
			if want := map[bool]doctor.Verdict{true: doctor.OK, false: doctor.Failed}[hold]; c.Verdict != want || !hold && !strings.Contains(c.Fix, "pipeline of "+signal) {
				t.Errorf("%+v, want %s", c, want)
			}
		}
	}
	c := find(examine(t, doctor.Options{Jaeger: "http://u:s3cret@" + strings.TrimPrefix(r.GRPCURL(), "http://"), Arrival: 100 * time.Millisecond}, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.HTTPURL()), doctor.CheckArrival, "traces")
	if c.Verdict != doctor.Failed || !strings.Contains(c.Found, "cannot be asked") || strings.Contains(c.Found+c.Detail, "s3cret") {
		t.Errorf("%+v", c)
	}
}

var update = flag.Bool("update", false, "write the golden file")

// The form is what scripts rely on.
func TestJSON(t *testing.T) {
	report := examine(t, doctor.Options{}, "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318", "OTEL_SERVICE_NAM=x")
	report.TraceID = "0123456789abcdef0123456789abcdef"
	report.Checks = append(report.Checks, doctor.Check{
		Name: doctor.CheckDelivery, Subject: "traces", Verdict: doctor.Failed, Found: "Found.", Fix: "Fix.", Source: "default", Detail: "detail",
		Seconds: map[exporters.Stage]float64{exporters.StageResolve: 0.25, exporters.StageConnect: 0.5},
	})
	report.Checks = slices.DeleteFunc(report.Checks, func(c doctor.Check) bool { return c.Name == doctor.CheckModules })
	got, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/report.json"
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.TrimSpace(string(want)) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
