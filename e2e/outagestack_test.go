package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelmetric "go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/internal/oteltest"
	"github.com/otelmon/otelmon-go/otelmon"
)

// What is to be killed must be a process of its own: this binary, in a role.
const roleVariable = "E2E_ROLE"

func roles() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"collector": collectorRole, "source": sourceRole, "control": controlRole, "patient": patientRole, troubled: troubledRole}
}

// play runs the role, if there is one, until SIGTERM.
func play(name string) (code int, ok bool) {
	role, ok := roles()[name]
	if !ok {
		return 0, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := role(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

// actor starts this binary in a role.
func actor(t *testing.T, role string, env ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), roleVariable + "=" + role}, env...)
	return run(t, cmd)
}

// kill leaves the process no time for anything.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatalf("the program ended by itself: %v (%v)", p.err, err)
	}
	<-p.ended
}

// synchronousCollector has nothing to lose: it answers when who is behind it has. So
// what it took and is missing was lost before it.
const synchronousCollector = `
extensions: {health_check: {endpoint: "${env:HEALTH_ENDPOINT}"}}
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:OTLP_GRPC_ENDPOINT}"}, http: {endpoint: "${env:OTLP_HTTP_ENDPOINT}"}}}}
exporters:
  otlp_grpc: {endpoint: "${env:JAEGER_OTLP_ENDPOINT}", tls: {insecure: true}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
  otlp_http: {endpoint: "${env:PROMETHEUS_OTLP_ENDPOINT}", sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}
service:
  extensions: [health_check]
  pipelines:
    traces: {receivers: [otlp], exporters: [otlp_grpc]}
    metrics: {receivers: [otlp], exporters: [otlp_grpc, otlp_http]}
    logs: {receivers: [otlp], exporters: [otlp_grpc]}
  telemetry: {metrics: {level: none}}
`

// outage is a Collector that goes away, and a receiver behind it that does not.
type outage struct {
	*oteltest.Receiver
	*mortal

	prometheus *prometheusStore
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	r, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	config := filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(config, []byte(synchronousCollector), 0o600); err != nil {
		t.Fatal(err)
	}
	o := &outage{Receiver: r, prometheus: newPrometheusStore(t)}
	o.mortal = newMortal(t, config, stores{
		traces: strings.TrimPrefix(r.GRPCURL(), "http://"), metrics: serveMetrics(t, newArrivals(), o.prometheus),
	})
	return o
}

// sourceRole makes a span and a log record every few milliseconds, each with a
// number of its own, and a data point with the number of its collection. It says
// what it has made as soon as it has, and what the ledger says when it begins and
// has ended.
func sourceRole(ctx context.Context) error {
	m, err := otelmon.Start(ctx, otelmon.Config{LogOutput: io.Discard})
	if err != nil {
		return err
	}
	if err := tell("opened", m); err != nil {
		return err
	}
	name := os.Getenv("OTEL_SERVICE_NAME")
	var collections atomic.Int64
	_, err = otel.Meter(name).Int64ObservableGauge(name, otelmetric.WithInt64Callback(func(_ context.Context, o otelmetric.Int64Observer) error {
		n := collections.Add(1)
		fmt.Println("collected", n)
		o.Observe(n)
		return nil
	}))
	if err != nil {
		return err
	}
	work(ctx, func(n int) {
		_, span := otel.Tracer(name).Start(context.Background(), fmt.Sprint(name, " ", n))
		span.End()
		m.Logger().InfoContext(context.Background(), fmt.Sprint(name, " ", n))
	})
	patience, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := m.Shutdown(patience); err != nil {
		return err
	}
	return tell("closed", m)
}

// controlRole makes the same spans, with the official exporter as it comes.
func controlRole(ctx context.Context) error {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	name := os.Getenv("OTEL_SERVICE_NAME")
	work(ctx, func(n int) {
		_, span := provider.Tracer(name).Start(context.Background(), fmt.Sprint(name, " ", n))
		span.End()
	})
	return provider.Shutdown(context.Background())
}

func work(ctx context.Context, produce func(n int)) {
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		produce(n)
		fmt.Println("made", n)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// account is what the ledger says of a signal.
type account struct {
	Signal                      string
	Created, Delivered, Pending int64
	Dropped                     map[string]int64
}

func tell(when string, m *otelmon.Monitor) error {
	all := map[string]account{}
	for _, a := range m.Status().Accounts {
		all[a.Signal.String()] = account{a.Signal.String(), a.Created, a.Delivered, a.Pending, a.Dropped}
	}
	text, err := json.Marshal(all)
	fmt.Println(when, string(text))
	return err
}

// source is a program that makes telemetry.
type source struct {
	*process

	name string
}

func (m *mortal) source(t *testing.T, role, name, protocol string, env ...string) *source {
	t.Helper()
	return &source{actor(t, role, append(append(otlp(protocol, m.endpoints[protocol]), "OTEL_SERVICE_NAME="+name), env...)...), name}
}

// said is the newest that the program has said of a thing.
func (s *source) said(what string) string {
	s.output.mu.Lock()
	defer s.output.mu.Unlock()
	text := s.output.buf.Bytes()
	text = text[:bytes.LastIndexByte(text, '\n')+1] // a kill may have cut the last line
	var last string
	for line := range bytes.Lines(text) {
		if after, ok := bytes.CutPrefix(line, []byte(what+" ")); ok {
			last = string(bytes.TrimSpace(after))
		}
	}
	return last
}

func (s *source) count(what string) int {
	n, _ := strconv.Atoi(s.said(what))
	return n
}

func (s *source) ledger(t *testing.T, when string) (all map[string]account) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.said(when)), &all); err != nil {
		t.Fatalf("%s %s: %v", s.name, when, err)
	}
	return all
}

// awaitMade returns when the program has made so many spans.
func (s *source) awaitMade(t *testing.T, n int) {
	t.Helper()
	await(t, time.Minute, s.ended, func(context.Context) error {
		if made := s.count("made"); made < n {
			return fmt.Errorf("%s has made %d", s.name, made)
		}
		return nil
	})
}

// close ends the program, which has to deliver everything.
func (s *source) close(t *testing.T) {
	t.Helper()
	s.terminate(t, 30*time.Second)
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s ended with %d", s.name, code)
	}
}

// received counts how often each number of the source has arrived, by signal.
func (o *outage) received(name string) map[string]map[int]int {
	all := map[string]map[int]int{"traces": {}, "metrics": {}, "logs": {}}
	add := func(signal, text string) {
		if number, ok := strings.CutPrefix(text, name+" "); ok {
			n, _ := strconv.Atoi(number)
			all[signal][n]++
		}
	}
	for _, s := range o.Spans() {
		add("traces", s.GetName())
	}
	for _, r := range o.Logs() {
		add("logs", r.GetBody().GetStringValue())
	}
	for _, m := range o.Metrics() {
		for _, p := range m.GetGauge().GetDataPoints() {
			add("metrics", fmt.Sprint(m.GetName(), " ", p.GetAsInt()))
		}
	}
	return all
}

// holes tells which of the numbers up to n are missing, and which are too many.
func holes(got map[int]int, n int) error {
	var missing, strange []int
	for i := 1; i <= n; i++ {
		if got[i] == 0 {
			missing = append(missing, i)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(got)) {
		if i < 1 || i > n {
			strange = append(strange, i)
		}
	}
	if missing != nil || strange != nil {
		return fmt.Errorf("of %d, %d are missing (%.200s) and %d were never made (%.200s)", n, len(missing), fmt.Sprint(missing), len(strange), fmt.Sprint(strange))
	}
	return nil
}

func copies(got map[int]int) (n int) {
	for _, times := range got {
		n += times - 1
	}
	return n
}

// complete checks that all has arrived that the source, which has ended, made,
// and that its ledger says the same.
func (o *outage) complete(t *testing.T, s *source) {
	t.Helper()
	got, ledger := o.received(s.name), s.ledger(t, "closed")
	made := map[string]int{"traces": s.count("made"), "metrics": s.count("collected"), "logs": s.count("made")}
	for signal, n := range made {
		if err := holes(got[signal], n); err != nil || n == 0 {
			t.Errorf("%s, %s: %v", s.name, signal, err)
		}
		a := ledger[signal]
		if signal != "metrics" && a.Created != int64(n) || a.Delivered != a.Created || a.Pending != 0 || len(a.Dropped) > 0 {
			t.Errorf("%s, %s: %d were made, and the ledger says %+v", s.name, signal, n, a)
		}
	}
	t.Logf("%s: %d spans, %d log records, %d collections; arrived once more: %d, %d, %d", s.name, made["traces"], made["logs"], made["metrics"],
		copies(got["traces"]), copies(got["logs"]), copies(got["metrics"]))
}

// sources starts one for each protocol and each place to wait in.
func (o *outage) sources(t *testing.T) (all []*source) {
	t.Helper()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		all = append(all,
			o.source(t, "source", protocol+"-memory", protocol),
			o.source(t, "source", protocol+"-disk", protocol, "OTELMON_OUTBOX_DIR="+filepath.Join(t.TempDir(), "outbox")))
	}
	return all
}

// duration reads how long a test is to go on.
func duration(t *testing.T, name string, standard time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
