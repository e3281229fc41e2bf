//go:build unix

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.yaml.in/yaml/v3"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// tiers are the Collectors of deploy/kubernetes as processes, with stand-ins for
// the backends behind them.
type tiers struct {
	*arrivals
	prometheus *prometheusStore

	env    []string // of every Collector
	agent  string   // its OTLP endpoint
	folder string
}

func newTiers(t *testing.T) *tiers {
	t.Helper()
	s := &tiers{arrivals: newArrivals(), prometheus: newPrometheusStore(t), folder: t.TempDir()}
	s.env = []string{
		"TRACES_OTLP_ENDPOINT=" + serveTraces(t, s.arrivals), "LOGS_OTLP_ENDPOINT=" + serveLogs(t, s.arrivals),
		"METRICS_OTLP_ENDPOINT=" + serveMetrics(t, s.arrivals, s.prometheus),
	}
	return s
}

// settle makes a file of the folder's Collector with what is set in it: paths with
// slashes, so that what takes a minute there does not here.
func (s *tiers) settle(t *testing.T, file string, set map[string]any) (edited string) {
	t.Helper()
	var config map[string]any
	content, err := os.ReadFile(filepath.Join("../deploy/kubernetes", file))
	if err == nil {
		err = yaml.Unmarshal(content, &config)
	}
	if err != nil {
		t.Fatal(err)
	}
	for path, v := range set {
		keys := strings.Split(path, "::")
		at := config
		for _, key := range keys[:len(keys)-1] {
			at = at[key].(map[string]any)
		}
		at[keys[len(keys)-1]] = v
	}
	edited = filepath.Join(s.folder, strings.ReplaceAll(file, "/", "-"))
	writeYAML(t, edited, config)
	return edited
}

// collector starts one, and returns when it is ready.
func (s *tiers) collector(t *testing.T, configs string, env ...string) *process {
	t.Helper()
	health := loopback.Addr(t)
	p := actor(t, "collector", append(append([]string{"COLLECTOR_CONFIG=" + configs, "HEALTH_ENDPOINT=" + health}, s.env...), env...)...)
	awaitAnswer(t, "http://"+health, "", p.ended)
	return p
}

func (s *tiers) startAgent(t *testing.T, config string, env ...string) *process {
	t.Helper()
	addr := loopback.Addr(t)
	s.agent = "http://" + addr
	return s.collector(t, config, append(env, "OTLP_GRPC_ENDPOINT="+loopback.Addr(t), "OTLP_HTTP_ENDPOINT="+addr, "NODE_NAME=node-7")...)
}

// gateway is one of them, under its name, address and disk.
func (s *tiers) gateway(t *testing.T, configs, name, addr string) *process {
	t.Helper()
	dir := filepath.Join(s.folder, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return s.collector(t, configs, "OTLP_GRPC_ENDPOINT="+addr, "POD_NAME="+name, "STORAGE_DIRECTORY="+dir)
}

// instance starts bench/fleet, which sends requests to itself.
func instance(t *testing.T, endpoint string, perSecond int, env ...string) *process {
	t.Helper()
	file := filepath.Join(binaries, "fleet")
	if _, err := os.Stat(file); err != nil {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./fleet")
		build.Dir = "../bench"
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build fleet: %v\n%s", err, out)
		}
	}
	cmd := exec.Command(file, "-rate="+strconv.Itoa(perSecond))
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "TMPDIR=" + cmd.Dir, "OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint}, env...)
	return run(t, cmd)
}

// end tells the instance to end and returns what its ledger says of spans.
func (s *tiers) end(t *testing.T, p *process) (created, delivered int) {
	t.Helper()
	p.terminate(t, shutdownLimit)
	m := regexp.MustCompile(`traces to \S+: (\d+) created, (\d+) delivered(.)`).FindStringSubmatch(p.output.String())
	if m == nil {
		t.Fatalf("no ledger in %s", p.output.String())
	}
	created, _ = strconv.Atoi(m[1])
	delivered, _ = strconv.Atoi(m[2])
	return created, delivered
}

// whole checks that each trace that arrived has all its spans: none is without its
// parent, and none without those that every request makes.
func (s *tiers) whole(t *testing.T) (spans int) {
	t.Helper()
	type id struct{ trace, span string }
	all := make(map[id]span)
	for _, sp := range s.spansOf("fleet") {
		all[id{sp.TraceID().String(), sp.SpanID().String()}] = sp
	}
	for at, sp := range all {
		if parent := (id{at.trace, sp.ParentSpanID().String()}); !sp.ParentSpanID().IsEmpty() && all[parent].resource == nil {
			t.Errorf("%s has no parent: its trace is torn", sp.Name())
		}
	}
	return len(all)
}

// checkLogs: log records have arrived, with the name that Prometheus gives the service.
func (s *tiers) checkLogs(t *testing.T) {
	t.Helper()
	logs := s.logsOf("fleet")
	if len(logs) == 0 {
		t.Error("no log records have arrived")
	}
	for _, r := range logs {
		if got := r.resource["prometheus.job"]; got != "fleet" {
			t.Errorf("a log record is of the job %v", got)
		}
	}
}

// awaitSeries waits until a query for what has been since then has an answer.
func (s *tiers) awaitSeries(t *testing.T, expr string, began time.Time) {
	t.Helper()
	var never chan error
	await(t, time.Minute, never, func(ctx context.Context) error {
		n, err := s.prometheus.query(ctx, expr, began)
		if err == nil && n == 0 {
			err = fmt.Errorf("nothing is %s", expr)
		}
		return err
	})
}

// counted waits until the metrics made of spans count so many, and returns how many
// gateways have counted them.
func (s *tiers) counted(t *testing.T, began time.Time, spans int) (gateways int) {
	t.Helper()
	s.awaitSeries(t, fmt.Sprintf(`sum(traces_span_metrics_calls_total{job="fleet",instance=~"gateway-.*"}) == %d`, spans), began)
	gateways, err := s.prometheus.query(t.Context(), `count by (instance) (traces_span_metrics_calls_total{job="fleet"})`, began)
	if err != nil {
		t.Fatal(err)
	}
	return gateways
}

// quick are the settings of a gateway whose times are a minute there.
func quick() map[string]any {
	return map[string]any{
		"connectors::span_metrics::metrics_flush_interval":  "1s",
		"connectors::service_graph::metrics_flush_interval": "1s",
		"connectors::service_graph::store::ttl":             "1s",
		"processors::tail_sampling::decision_wait":          "2s",
	}
}

// sampled has all traces kept, so that they can be counted.
func sampled(set map[string]any) map[string]any {
	set["processors::tail_sampling::policies"] = []any{map[string]any{"name": "all", "type": "always_sample"}}
	return set
}

// TestTiers: an agent spreads traces over two gateways by their ids, each trace
// whole, and both count all spans by service. While both are away, as in a rollout
// that went wrong, what can't be passed on waits in the program, and arrives when
// they are back. Takes some 25 s.
func TestTiers(t *testing.T) {
	t.Parallel()
	s, began := newTiers(t), time.Now()
	addrs := []string{loopback.Addr(t), loopback.Addr(t)}
	config := s.settle(t, "base/gateway-collector.yaml", sampled(quick()))
	var gateways []*process
	start := func() {
		gateways = nil
		for i, addr := range addrs {
			gateways = append(gateways, s.gateway(t, config, fmt.Sprint("gateway-", i), addr))
		}
	}
	start()
	s.startAgent(t, s.settle(t, "base/agent-collector.yaml", map[string]any{
		"exporters::load_balancing::resolver": map[string]any{"static": map[string]any{"hostnames": addrs}},
	}))
	p := instance(t, s.agent, 20, otlp("http/protobuf", s.agent)...)
	s.await(t, time.Minute, func() error { return s.made(200) })
	for _, g := range gateways {
		g.terminate(t, time.Minute)
	}
	s.awaitSeries(t, `otelmon_telemetry_pending{otelmon_telemetry_signal="traces"} > 60`, began) // waits in the program
	start()
	kept := len(s.spansOf("fleet"))
	s.await(t, time.Minute, func() error { return s.made(kept + 200) })
	created, delivered := s.end(t, p)
	s.await(t, time.Minute, func() error { return s.made(created) })
	if spans := s.whole(t); created != delivered || spans != created {
		t.Errorf("of %d spans %d were delivered, and %d are in the backend", created, delivered, spans)
	}
	t.Logf("%d spans", created)
}

// made says whether so many different spans have arrived.
func (s *tiers) made(want int) error {
	ids := make(map[string]bool)
	for _, sp := range s.spansOf("fleet") {
		ids[sp.SpanID().String()] = true
	}
	if len(ids) < want {
		return fmt.Errorf("%d spans have arrived, want %d", len(ids), want)
	}
	return nil
}

// TestTiersSample: of the traces the gateways keep the operation and a part of the
// others, all of these whole, while they count every span. Takes some 15 s.
func TestTiersSample(t *testing.T) {
	t.Parallel()
	s, began := newTiers(t), time.Now()
	addrs := []string{loopback.Addr(t), loopback.Addr(t)}
	config := s.settle(t, "base/gateway-collector.yaml", quick())
	for i, addr := range addrs {
		s.gateway(t, config, fmt.Sprint("gateway-", i), addr)
	}
	s.startAgent(t, s.settle(t, "base/agent-collector.yaml", map[string]any{
		"exporters::load_balancing::resolver": map[string]any{"static": map[string]any{"hostnames": addrs}},
	}))
	p := instance(t, s.agent, 50, otlp("http/protobuf", s.agent)...)
	s.await(t, time.Minute, func() error { return s.made(60) })
	created, _ := s.end(t, p)
	if n := s.counted(t, began, created); n != 2 {
		t.Errorf("%d gateways have spans, want 2", n)
	}
	s.await(t, time.Minute, func() error {
		for _, name := range []string{"bulk fleet.import", "bulk fleet.sync"} {
			if _, ok := find(s.spansOf("fleet"), func(sp span) bool { return sp.Name() == name }); !ok {
				return fmt.Errorf("%s is not kept", name)
			}
		}
		return nil
	})
	if spans := s.whole(t); spans > created/3 {
		t.Errorf("%d of %d spans are kept", spans, created)
	}
	s.awaitSeries(t, `traces_service_graph_request_total{client="fleet",server="payments",instance=~"gateway-.*"}`, began)
	s.checkLogs(t)
}

// TestTiersKafka: with Kafka between them all three signals arrive, the spans of a
// trace at one gateway. A gateway that is restarted goes on where it was. Takes some
// 30 s.
func TestTiersKafka(t *testing.T) {
	t.Parallel()
	s := newTiers(t)
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "otlp_spans", "otlp_metrics", "otlp_logs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	broker := "KAFKA_BROKER=" + kafka.ListenAddrs()[0]
	s.env = append(s.env, broker)
	config := s.settle(t, "base/gateway-collector.yaml", sampled(quick())) + "," + s.settle(t, "kafka/gateway-collector.yaml", nil)
	s.startAgent(t, s.settle(t, "kafka/agent-collector.yaml", nil))
	p := instance(t, s.agent, 20, otlp("http/protobuf", s.agent)...)
	first := s.gateway(t, config, "gateway-0", loopback.Addr(t))
	s.await(t, time.Minute, func() error { return s.made(200) })
	first.terminate(t, time.Minute)
	s.gateway(t, config, "gateway-0", loopback.Addr(t)) // with the disk that it had
	s.await(t, time.Minute, func() error { return s.made(400) })
	created, delivered := s.end(t, p)
	s.await(t, time.Minute, func() error { return s.made(created) })
	if spans := s.whole(t); created != delivered || spans != created {
		t.Errorf("of %d spans %d were delivered, and %d are in the backend", created, delivered, spans)
	}
	if len(s.metricsOf("fleet")) == 0 {
		t.Error("no metrics have arrived")
	}
	s.checkLogs(t)
}
