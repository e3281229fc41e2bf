//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// TestFleet: many instances of a service (bench/fleet, each a process of its own)
// send to the Collector and Prometheus as docker-compose.yaml has them, and a fifth
// of them is restarted, as rollouts do. Prometheus then has the series that ten of
// them let expect: so many for each instance that there ever was, and what is not of
// an instance once. Queries of the dashboards read no more than their share.
//
// 40 instances and one rollout take some 80 s. E2E_FLEET=200 measures what
// docs/scaling.md tells, with 10 s between two exports and two rollouts, in some
// 5 minutes; see with -v.
func TestFleet(t *testing.T) {
	t.Parallel()
	size, rollouts, interval := 40, 1, 3*time.Second
	if asked := os.Getenv("E2E_FLEET"); asked != "" {
		var err error
		if size, err = strconv.Atoi(asked); err != nil {
			t.Fatal(err)
		}
		rollouts, interval = 2, 10*time.Second
	}
	const few = 10
	f := newFleet(t, interval)
	f.start(t, few)
	f.settled(t, "bulk.segment") // the last to come
	ten := f.measure(t)
	f.start(t, size-few)
	f.settled(t, "GET /reports/{id}")
	all := f.measure(t)
	for range rollouts {
		f.restart(t, size/5)
		f.settled(t, "GET /reports/{id}")
	}
	end := f.measure(t)

	each := ten.own / few
	t.Logf("%d series for each instance, and %d that are nobody's:\n%s", each, ten.head-ten.own, f.kinds(t, few))
	if each > 900 { // docs/scaling.md has 533, and 330 of spans
		t.Errorf("an instance has %d series", each)
	}
	for _, r := range []reading{ten, all, end} {
		predicted := each*r.started + ten.head - ten.own
		t.Logf("%3d instances, %3d ever: %6d series in the head, %6d predicted; Collector %d MiB, %.0f ms/s; Prometheus %d MiB, %.0f ms/s; dashboards p95 %v, slowest %v, %d samples",
			r.live, r.started, r.head, predicted, r.collector.memory>>20, r.collector.busy*1000, r.prometheus.memory>>20, r.prometheus.busy*1000,
			r.p95.Round(time.Millisecond/10), r.slowest.Round(time.Millisecond/10), r.samples)
		if math.Abs(float64(r.head-predicted)) > 0.05*float64(predicted) {
			t.Errorf("%d instances, of %d ever, have %d series, want %d", r.live, r.started, r.head, predicted)
		}
	}
	if most := ten.samples * end.started / few * 11 / 10; end.samples > most {
		t.Errorf("the dashboards read %d samples of %d instances and %d of %d", ten.samples, few, end.samples, end.started)
	}
}

// fleet is the instances with the backends they send to.
type fleet struct {
	collector, prometheus server
	interval              time.Duration

	live    []*process
	started int
}

func newFleet(t *testing.T, interval time.Duration) *fleet {
	t.Helper()
	f := &fleet{interval: interval}
	base, p := startPrometheus(t, nil)
	f.prometheus = server{p, base, base + "/api/v1/otlp"}
	health, addr := loopback.Addr(t), loopback.Addr(t)
	p = actor(t, "collector", "COLLECTOR_CONFIG="+collectorConfig, "HEALTH_ENDPOINT="+health, "STORAGE_DIRECTORY="+t.TempDir(),
		"OTLP_GRPC_ENDPOINT="+loopback.Addr(t), "OTLP_HTTP_ENDPOINT="+addr,
		"JAEGER_OTLP_ENDPOINT="+takeTraces(t), "LOKI_OTLP_ENDPOINT="+takeLogs(t), "PROMETHEUS_OTLP_ENDPOINT="+f.prometheus.otlp)
	awaitAnswer(t, "http://"+health, "", p.ended)
	f.collector = server{p, "", "http://" + addr}
	return f
}

func (f *fleet) start(t *testing.T, n int) {
	t.Helper()
	for range n {
		f.live = append(f.live, instance(t, f.collector.otlp, 5, fmt.Sprint("OTEL_METRIC_EXPORT_INTERVAL=", f.interval.Milliseconds()), "OTEL_BSP_SCHEDULE_DELAY=1000", "GOMAXPROCS=1"))
		f.started++
	}
}

// restart ends the oldest and starts as many: new processes, and so new values of
// service.instance.id.
func (f *fleet) restart(t *testing.T, n int) {
	t.Helper()
	for _, p := range f.live[:n] {
		p.terminate(t, 30*time.Second)
	}
	f.live = f.live[n:]
	f.start(t, n)
}

// settled returns when each instance that there ever was has told its metrics more
// than once, as some come when something was exported, and such a span of it has been
// counted.
func (f *fleet) settled(t *testing.T, span string) {
	t.Helper()
	await(t, 5*time.Minute, f.prometheus.ended, func(ctx context.Context) error {
		for expr, want := range map[string]float64{
			fmt.Sprintf(`count(last_over_time(process_uptime_seconds{job="fleet"}[1h]) > %v)`, 3*f.interval.Seconds()):                      float64(f.started),
			fmt.Sprintf(`count(count by (instance) (last_over_time(traces_span_metrics_calls_total{job="fleet",span_name=%q}[1h])))`, span): float64(f.started),
		} {
			got, err := f.prometheus.number(ctx, expr)
			if err == nil && got != want {
				err = fmt.Errorf("%s is %v, want %v", expr, got, want)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// number is the answer to a query for one; 0 if there is none.
func (s server) number(ctx context.Context, expr string) (float64, error) {
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := s.ask(ctx, "/api/v1/query", url.Values{"query": {expr}}, &answer); err != nil || len(answer.Data.Result) == 0 {
		return 0, err
	}
	return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
}

// reading is what is measured at one time.
type reading struct {
	live, started         int
	head, own             int // series: in the head of Prometheus, and of these the instances'
	collector, prometheus usage
	p95, slowest          time.Duration // of the dashboards' queries
	samples               int           // that these read at one time
}

func (f *fleet) measure(t *testing.T) reading {
	t.Helper()
	r := reading{live: len(f.live), started: f.started}
	used := watch(t, max(5*time.Second, 2*f.interval), f.collector.process, f.prometheus.process)
	r.collector, r.prometheus = used[0], used[1]
	r.samples = f.samples(t)
	r.look(t, f.prometheus)
	own, err := f.prometheus.number(t.Context(), `count(last_over_time({job="fleet",instance!=""}[1h]))`)
	if err != nil {
		t.Fatal(err)
	}
	r.own = int(own)
	_, page, err := get(t.Context(), f.prometheus.base+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(page) {
		if n, ok := strings.CutPrefix(line, "prometheus_tsdb_head_series "); ok {
			head, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			if err != nil {
				t.Fatal(err)
			}
			r.head = int(head)
		}
	}
	return r
}

// usage is what a process takes of the machine.
type usage struct {
	memory int64   // resident, in bytes
	busy   float64 // seconds of processor time a second
}

// watch looks at the processes for a time.
func watch(t *testing.T, watched time.Duration, processes ...*process) (used []usage) {
	t.Helper()
	for _, p := range processes {
		used = append(used, usage{busy: -p.cpu(t).Seconds()})
	}
	window := time.NewTimer(watched)
	defer window.Stop()
	<-window.C
	for i, p := range processes {
		used[i].busy = (used[i].busy + p.cpu(t).Seconds()) / watched.Seconds()
		used[i].memory = p.resident(t)
	}
	return used
}

// resident is the memory that the process has, in bytes.
func (p *process) resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// cpu is the processor time since the start; Linux counts in hundredths of a second.
func (p *process) cpu(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// look asks what the dashboards ask, for the last hour as they do, three times.
func (r *reading) look(t *testing.T, prometheus server) {
	t.Helper()
	var took []time.Duration
	for range 3 {
		for _, expr := range asked(t, of("fleet")) {
			began := time.Now()
			var answer any
			ask := url.Values{"query": {expr}, "start": {unix(-time.Hour)}, "end": {unix(0)}, "step": {"15"}}
			if err := prometheus.ask(t.Context(), "/api/v1/query_range", ask, &answer); err != nil {
				t.Fatalf("%s: %v", expr, err)
			}
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	r.p95, r.slowest = took[len(took)*95/100], took[len(took)-1]
}

// samples is how many these queries read at one time. Their windows are so short
// here that each instance has been there for as long.
func (f *fleet) samples(t *testing.T) (n int) {
	t.Helper()
	v := of("fleet")
	for _, window := range []string{"__rate_interval", "__interval", "__range", "history"} {
		v[window] = fmt.Sprintf("%ds", int(3*f.interval.Seconds()))
	}
	for _, expr := range asked(t, v) {
		var answer struct {
			Data struct {
				Stats struct {
					Samples struct{ TotalQueryableSamples int }
				}
			}
		}
		if err := f.prometheus.ask(t.Context(), "/api/v1/query", url.Values{"query": {expr}, "stats": {"all"}}, &answer); err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		n += answer.Data.Stats.Samples.TotalQueryableSamples
	}
	return n
}

// asked are the queries of all dashboards to Prometheus.
func asked(t *testing.T, v variables) (all []string) {
	t.Helper()
	for _, q := range questions(t) {
		if q.DataSource.Type == "prometheus" {
			all = append(all, v.fill(t, q.Expr))
		}
	}
	return all
}

// kinds tells of which metrics the series of an instance are.
func (f *fleet) kinds(t *testing.T, instances int) string {
	t.Helper()
	var b strings.Builder
	for _, kind := range []struct{ name, match string }{
		{"HTTP served", "http_server_.*"},
		{"HTTP and databases asked", "http_client_.*|db_client_.*"},
		{"Go and process", "go_.*|process_.*"},
		{"health", "health_.*"},
		{"bulk", "bulk_.*"},
		{"delivery", "otelmon_.*"},
		{"spans", "traces_span_metrics_.*"},
		{"target_info", "target_info"},
	} {
		n, err := f.prometheus.number(t.Context(), fmt.Sprintf(`count(last_over_time({job="fleet",instance!="",__name__=~%q}[1h])) / count(last_over_time(process_uptime_seconds{job="fleet"}[1h]))`, kind.match))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%6.0f %s\n", n, kind.name)
	}
	return b.String()
}

// sink takes traces and forgets them.
type sink struct {
	ptraceotlp.UnimplementedGRPCServer
}

// Export implements ptraceotlp.GRPCServer.
func (*sink) Export(context.Context, ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), nil
}

func takeTraces(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, new(sink))
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Errorf("trace server: %v", err)
		}
	})
	return l.Addr().String()
}

func takeLogs(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a Collector that has gone is no concern of ours
	}))
	t.Cleanup(server.Close)
	return server.URL + "/otlp"
}

// TestFleetInstance measures what one instance sends, by signal. Takes 20 s, and
// three minutes with E2E_FLEET.
func TestFleetInstance(t *testing.T) {
	t.Parallel()
	watched, interval := 10*time.Second, 2*time.Second
	if os.Getenv("E2E_FLEET") != "" {
		watched, interval = 2*time.Minute, 15*time.Second
	}
	var sent ledgerOfWire
	server := httptest.NewServer(&sent)
	t.Cleanup(server.Close)
	p := instance(t, server.URL, 5, fmt.Sprint("OTEL_METRIC_EXPORT_INTERVAL=", interval.Milliseconds()), "OTEL_BSP_SCHEDULE_DELAY=1000", "GOMAXPROCS=1")
	sent.await(t, p) // all is warm
	before, cpu, begin := sent.now(), p.cpu(t), time.Now()
	window := time.NewTimer(watched)
	defer window.Stop()
	<-window.C
	after, seconds := sent.now(), time.Since(begin).Seconds()
	for i, signal := range wireSignals() {
		items, size, requests := after[i].items-before[i].items, after[i].bytes-before[i].bytes, after[i].requests-before[i].requests
		t.Logf("%s: %.1f items/s, %.0f bytes/s in %.2f requests/s", signal, float64(items)/seconds, float64(size)/seconds, float64(requests)/seconds)
		if items == 0 || size == 0 {
			t.Errorf("no %s", signal)
		}
	}
	t.Logf("%.1f ms of processor time a second, %d MiB", (p.cpu(t)-cpu).Seconds()/seconds*1000, p.resident(t)>>20)
	p.terminate(t, shutdownLimit)
	var told struct{ Msg string }
	for line := range strings.Lines(p.output.String()) {
		if strings.Contains(line, `"telemetry: `) && json.Unmarshal([]byte(line), &told) == nil {
			t.Log(told.Msg)
		}
	}
}

// ledgerOfWire counts what comes over the wire.
type ledgerOfWire struct {
	signals [3]struct{ requests, items, bytes atomic.Int64 }
}

func wireSignals() [3]string { return [3]string{"traces", "metrics", "logs"} }

type wired struct{ requests, items, bytes int64 }

func (w *ledgerOfWire) now() (all [3]wired) {
	for i := range all {
		s := &w.signals[i]
		all[i] = wired{s.requests.Load(), s.items.Load(), s.bytes.Load()}
	}
	return all
}

func (w *ledgerOfWire) await(t *testing.T, p *process) {
	t.Helper()
	await(t, time.Minute, p.ended, func(context.Context) error {
		if n := w.now(); n[0].requests < 3 || n[1].requests < 3 || n[2].requests < 1 {
			return fmt.Errorf("only %+v have come", n)
		}
		return nil
	})
}

// ServeHTTP takes OTLP.
func (w *ledgerOfWire) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	plain, body, err := decompress(r)
	items, i := 0, 0
	switch {
	case err != nil:
	case strings.HasSuffix(r.URL.Path, "/traces"):
		req := ptraceotlp.NewExportRequest()
		err = req.UnmarshalProto(plain)
		items = req.Traces().SpanCount()
	case strings.HasSuffix(r.URL.Path, "/metrics"):
		req := pmetricotlp.NewExportRequest()
		err = req.UnmarshalProto(plain)
		items, i = req.Metrics().DataPointCount(), 1
	default:
		req := plogotlp.NewExportRequest()
		err = req.UnmarshalProto(plain)
		items, i = req.Logs().LogRecordCount(), 2
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	w.signals[i].requests.Add(1)
	w.signals[i].items.Add(int64(items))
	w.signals[i].bytes.Add(int64(len(body)))
}
