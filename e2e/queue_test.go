//go:build unix

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// TestQueues: Jaeger, Prometheus and Loki go away, and the Collector is killed,
// started, ended and started meanwhile. What it took of programs that are long gone
// is in each of them when they are back: every span, every log record and every
// collection, and nothing else. It takes 40 s beside others.
func TestQueues(t *testing.T) {
	t.Parallel()
	s := realStack{jaeger: startJaeger(t), loki: startLoki(t)}
	base, p := startPrometheus(t, nil)
	s.prometheus = server{p, base, base + "/api/v1/otlp"}
	m := newMortal(t, collectorConfig, stores{traces: s.jaeger.otlp, metrics: s.prometheus.otlp, logs: s.loki.otlp})
	m.up(t)
	play := func(name, protocol string) *source {
		one := m.source(t, "source", name, protocol)
		one.awaitMade(t, 400)
		one.close(t)
		return one
	}
	before := play("before", "grpc")
	s.has(t, before)

	for _, store := range []*server{&s.jaeger, &s.prometheus, &s.loki} {
		store.kill(t)
	}
	sources := []*source{play("first", "grpc")}
	m.down(t)
	m.up(t)
	sources = append(sources, play("second", "http/protobuf"))
	m.collector.terminate(t, 30*time.Second)
	m.collector = nil
	m.up(t)
	sources = append(sources, play("third", "grpc"))

	for store, ready := range map[*server]string{&s.jaeger: "/", &s.prometheus: "/-/ready", &s.loki: "/ready"} {
		store.again(t, ready)
	}
	for _, one := range sources {
		s.has(t, one)
	}
	for _, age := range []time.Duration{0, 20 * time.Hour} {
		s.late(t, m, age)
	}
}

// late sends a data point and a log record of such an age, and waits until they are
// stored.
func (s realStack) late(t *testing.T, m *mortal, age time.Duration) {
	t.Helper()
	at := time.Now().Add(-age)
	metrics, logs := pmetric.NewMetrics(), plog.NewLogs()
	of := metrics.ResourceMetrics().AppendEmpty()
	of.Resource().Attributes().PutStr("service.name", "late")
	gauge := of.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	gauge.SetName("late")
	point := gauge.SetEmptyGauge().DataPoints().AppendEmpty()
	point.SetTimestamp(pcommon.NewTimestampFromTime(at))
	point.SetDoubleValue(age.Seconds())
	by := logs.ResourceLogs().AppendEmpty()
	by.Resource().Attributes().PutStr("service.name", "late")
	record := by.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(at))
	record.Body().SetStr("late")
	m.post(t, "/v1/metrics", pmetricotlp.NewExportRequestFromMetrics(metrics))
	m.post(t, "/v1/logs", plogotlp.NewExportRequestFromLogs(logs))

	s.awaitValue(t, fmt.Sprintf("late @ %d", at.Unix()+1), age.Seconds())
	var never chan error
	await(t, time.Minute, never, func(ctx context.Context) error {
		var answer struct{ Data struct{ Result []any } }
		query := url.Values{
			"query": {`{service_name="late"}`},
			"start": {strconv.FormatInt(at.UnixNano(), 10)}, "end": {strconv.FormatInt(at.Add(time.Minute).UnixNano(), 10)},
		}
		err := s.loki.ask(ctx, "/loki/api/v1/query_range", query, &answer)
		if err == nil && len(answer.Data.Result) != 1 {
			err = fmt.Errorf("a log record of %v ago is not in Loki: %v", age, answer)
		}
		return err
	})
}

// post sends a request in JSON.
func (m *mortal) post(t *testing.T, path string, of json.Marshaler) {
	t.Helper()
	body, err := of.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.endpoints["http/protobuf"]+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if status, answer, err := exchange(req); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
}

// again starts the store as it was started before.
func (s *server) again(t *testing.T, ready string) {
	t.Helper()
	old := s.cmd
	s.process = nil
	revive(t, &s.process, s.base+ready, func() *process {
		cmd := exec.Command(old.Path, old.Args[1:]...)
		cmd.Env, cmd.Dir = old.Env, old.Dir
		return run(t, cmd)
	})
}

// has waits until the stores have what the source has made, and checks that it is
// what the ledger of the source says.
func (s realStack) has(t *testing.T, one *source) {
	t.Helper()
	ledger := one.ledger(t, "closed")
	if made := int64(one.count("made")); ledger["traces"].Delivered != made || ledger["logs"].Delivered != made {
		t.Errorf("%s has made %d spans and log records, its ledger says %+v", one.name, made, ledger)
	}
	var never chan error
	await(t, time.Minute, never, func(ctx context.Context) error {
		all, err := s.traces(ctx, one.name, "")
		spans := map[string]int{}
		for _, trace := range all {
			for _, span := range trace.Spans {
				spans[span.SpanID]++
			}
		}
		if err == nil && len(spans) != one.count("made") {
			err = fmt.Errorf("%s: %d spans in Jaeger, want %d", one.name, len(spans), one.count("made"))
		}
		return err
	})
	s.awaitValue(t, fmt.Sprintf(`sum(count_over_time({__name__=%q}[1h]))`, one.name), float64(one.count("collected")))
	await(t, time.Minute, never, func(ctx context.Context) error {
		lines, err := s.query(ctx, fmt.Sprintf(`sum(count_over_time({service_name=%q}[1h]))`, one.name))
		if want := fmt.Sprint(one.count("made")); err == nil && lines != want {
			err = fmt.Errorf("%s: %s log records in Loki, want %s", one.name, lines, want)
		}
		return err
	})
}

// query is the one number that Loki answers.
func (s realStack) query(ctx context.Context, expr string) (number string, err error) {
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	err = s.loki.ask(ctx, "/loki/api/v1/query", url.Values{"query": {expr}}, &answer)
	if len(answer.Data.Result) == 1 {
		number = fmt.Sprint(answer.Data.Result[0].Value[1])
	}
	return number, err
}
