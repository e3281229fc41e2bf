package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// sampling is deploy/collector.yaml without the comment signs before what samples.
// It decides after a second.
func sampling(t *testing.T) (file string) {
	t.Helper()
	content, err := os.ReadFile(collectorConfig)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(content), "\n")
	comment, uncommented := regexp.MustCompile(`^( *)# (  .*|tail_sampling:|- tail_sampling)$`), 0
	for i, line := range lines {
		if m := comment.FindStringSubmatch(line); m != nil {
			lines[i] = m[1] + m[2]
			uncommented++
		}
	}
	if uncommented < 3 {
		t.Fatalf("%d lines have a comment sign to remove", uncommented)
	}
	text := strings.Replace(strings.Join(lines, "\n"), "decision_wait: 30s", "decision_wait: 1s", 1)
	file = filepath.Join(t.TempDir(), "sampling.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCollectorValidates is `otelcol validate`, as it comes and with sampling.
func TestCollectorValidates(t *testing.T) {
	for name, file := range map[string]string{"as it comes": collectorConfig, "with sampling": sampling(t)} {
		t.Run(name, func(t *testing.T) {
			s := settings(newArrivals())
			s.ConfigProviderSettings.ResolverSettings.URIs = []string{"file:" + file}
			col, err := otelcol.NewCollector(s)
			if err != nil {
				t.Fatal(err)
			}
			if err := col.DryRun(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// fast is how many traces are played of which nothing is remarkable.
const fast = 1000

// TestTailSampling: errors, slow traces and bulk operations pass whole, the spans
// included that an operation sends after the decision; of others about a tenth does.
// The metrics of spans count all. It takes 20 s beside others.
func TestTailSampling(t *testing.T) {
	t.Parallel()
	a := newArrivals()
	m := newMortal(t, sampling(t), stores{
		traces: serveTraces(t, a), metrics: serveMetrics(t, a, newPrometheusStore(t)), logs: serveLogs(t, a),
	})
	m.up(t)
	conn, err := grpc.NewClient(strings.TrimPrefix(m.endpoints["grpc"], "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := player{ptraceotlp.NewGRPCClient(conn)}

	p.play(t, 1, "failed", func(s ptrace.Span) { s.Status().SetCode(ptrace.StatusCodeError) })
	p.play(t, 2, "slow", func(s ptrace.Span) { s.SetStartTimestamp(s.EndTimestamp() - pcommon.Timestamp(1100*time.Millisecond)) })
	p.play(t, 3, "bulk.started", func(s ptrace.Span) { s.Attributes().PutStr(keys.BulkOperationName, "import") })
	for n := range fast {
		p.play(t, 100+n, "fast", nil)
	}
	whole := func(names ...string) func() error {
		return func() error {
			for _, name := range names {
				if got := len(a.named(name)); got != 2 {
					return fmt.Errorf("%d spans of the trace %q have arrived, want both", got, name)
				}
			}
			return nil
		}
	}
	a.await(t, time.Minute, whole("failed", "slow", "bulk.started"))
	p.play(t, 3, "query", nil)                                                                                    // below the operation, and knows nothing of it
	p.play(t, 4, "bulk.segment", func(s ptrace.Span) { s.Attributes().PutStr(keys.BulkOperationName, "import") }) // of a trace that was forgotten
	a.await(t, time.Minute, whole("query", "bulk.segment"))
	a.await(t, time.Minute, func() error { return a.counted("fast", 2*fast) })
	if got := len(a.named("fast")); got < fast/20*2 || got > fast/5*2 {
		t.Errorf("%d spans of traces like any other have arrived, of %d", got, 2*fast)
	}
}

// counted says whether the metrics of spans have counted so many of a name.
func (a *arrivals) counted(name string, want int64) error {
	var most int64
	for _, m := range a.metricsOf("sampled") {
		if m.Name() != "traces.span.metrics.calls" {
			continue
		}
		for _, point := range m.Sum().DataPoints().All() {
			if text(point.Attributes(), "span.name") == name {
				most = max(most, point.IntValue())
			}
		}
	}
	if most != want {
		return fmt.Errorf("%d spans %s are counted, want %d", most, name, want)
	}
	return nil
}

func (a *arrivals) named(name string) []span {
	return filter(a.spansOf("sampled"), func(s span) bool { return s.Name() == name })
}

// player sends traces of its own making.
type player struct{ ptraceotlp.GRPCClient }

// play sends two spans of a trace, of which the second is as it is made.
func (p player) play(t *testing.T, trace int, name string, make func(ptrace.Span)) {
	t.Helper()
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "sampled")
	spans := resource.ScopeSpans().AppendEmpty().Spans()
	sum := sha256.Sum256([]byte{byte(trace >> 8), byte(trace)}) // as good as random, and always the same
	id := pcommon.TraceID(sum[:16])
	for n := range byte(2) {
		s := spans.AppendEmpty()
		s.SetTraceID(id)
		s.SetSpanID(pcommon.SpanID{name[0], name[len(name)-1], n + 1})
		s.SetName(name)
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		s.SetStartTimestamp(s.EndTimestamp() - pcommon.Timestamp(time.Millisecond))
		if n == 1 && make != nil {
			make(s)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := p.Export(ctx, ptraceotlp.NewExportRequestFromTraces(traces)); err != nil {
		t.Fatal(err)
	}
}
