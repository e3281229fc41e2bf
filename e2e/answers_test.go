//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// shown is what a panel gets for a question.
type shown struct {
	series  int     // with a finite number, or lines, or traces
	highest float64 // of Prometheus
	labels  map[string]string
	took    time.Duration
}

// ask asks as Grafana does over the last half an hour.
func (s realStack) ask(ctx context.Context, q question) (shown, error) {
	began := time.Now()
	var got shown
	var err error
	switch q.DataSource.Type {
	case "prometheus":
		got, err = s.askPrometheus(ctx, q)
	case "loki":
		got, err = s.askLoki(ctx, q)
	case "jaeger":
		got, err = s.askJaeger(ctx, q)
	default:
		err = fmt.Errorf("the data source %q is unknown", q.DataSource.Type)
	}
	got.took = time.Since(began)
	if err != nil {
		err = fmt.Errorf("%s: %w", q.where, err)
	}
	return got, err
}

// window is what the dashboards show when they are opened.
const window = 30 * time.Minute

// A sample is a number at a time, which Prometheus writes as text.
type sample [2]any

func (s sample) number() float64 {
	text, _ := s[1].(string)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n
	}
	return math.NaN()
}

func (s realStack) askPrometheus(ctx context.Context, q question) (got shown, err error) {
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  sample
				Values []sample
			}
		}
	}
	now := time.Now()
	at := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	if q.Instant {
		err = s.prometheus.ask(ctx, "/api/v1/query", url.Values{"query": {q.Expr}, "time": {at(now)}}, &answer)
	} else {
		err = s.prometheus.ask(ctx, "/api/v1/query_range",
			url.Values{"query": {q.Expr}, "start": {at(now.Add(-window))}, "end": {at(now)}, "step": {"60"}}, &answer)
	}
	got.highest = math.Inf(-1)
	for _, series := range answer.Data.Result {
		finite := false
		for _, v := range append(series.Values, series.Value) {
			if n := v.number(); !math.IsNaN(n) && !math.IsInf(n, 0) {
				finite, got.highest = true, max(got.highest, n)
			}
		}
		if finite {
			got.series++
			got.labels = series.Metric
		}
	}
	return got, err
}

func (s realStack) askLoki(ctx context.Context, q question) (got shown, err error) {
	var answer struct {
		Data struct {
			Result []struct {
				Stream map[string]string
				Values [][]any
			}
		}
	}
	err = s.loki.ask(ctx, "/loki/api/v1/query_range", url.Values{
		"query": {q.Expr}, "limit": {"200"}, "start": {strconv.FormatInt(time.Now().Add(-window).UnixNano(), 10)},
	}, &answer)
	for _, stream := range answer.Data.Result {
		got.series += len(stream.Values)
		got.labels = stream.Stream
	}
	return got, err
}

// askJaeger asks what Grafana's Jaeger makes of a search: its tags, in the syntax of
// logfmt, become JSON. That a span has failed is looked up here: the Jaeger that can
// be built as a Go module takes error=true for the opposite, which Jaeger 2.20 of
// docker-compose.yaml does not.
func (s realStack) askJaeger(ctx context.Context, q question) (got shown, err error) {
	query := url.Values{"service": {q.Service}, "limit": {strconv.Itoa(q.Limit)}}
	if q.Operation != "" {
		query.Set("operation", q.Operation)
	}
	tags := make(map[string]string)
	for pair := range strings.FieldsSeq(q.Tags) {
		key, value, _ := strings.Cut(pair, "=")
		tags[key] = value
	}
	failed := tags["error"] == "true"
	delete(tags, "error")
	if len(tags) > 0 {
		text, err := json.Marshal(tags)
		if err != nil {
			return got, err
		}
		query.Set("tags", string(text))
	}
	var answer struct{ Data []storedTrace }
	err = s.jaeger.ask(ctx, "/api/traces", query, &answer)
	got.series = len(filter(answer.Data, func(t storedTrace) bool {
		return !failed || slices.ContainsFunc(t.Spans, func(s storedSpan) bool { return s.tag("error") == "true" })
	}))
	return got, err
}

// exemplar is the trace of one that Prometheus has for the series of an expression.
func (s realStack) exemplar(ctx context.Context, expr string) (trace string, err error) {
	var answer struct {
		Data []struct {
			Exemplars []struct{ Labels map[string]string }
		}
	}
	err = s.prometheus.ask(ctx, "/api/v1/query_exemplars", url.Values{
		"query": {expr}, "start": {strconv.FormatInt(time.Now().Add(-window).Unix(), 10)}, "end": {strconv.FormatInt(time.Now().Unix(), 10)},
	}, &answer)
	for _, series := range answer.Data {
		for _, e := range series.Exemplars {
			trace = e.Labels["trace_id"]
		}
	}
	return trace, err
}

// trace is one that Jaeger has.
func (s realStack) trace(ctx context.Context, id string) (storedTrace, error) {
	var answer struct{ Data []storedTrace }
	err := s.jaeger.ask(ctx, "/api/traces/"+id, nil, &answer)
	if err == nil && len(answer.Data) != 1 {
		err = fmt.Errorf("Jaeger has %d traces %s", len(answer.Data), id)
	}
	if err != nil {
		return storedTrace{}, err
	}
	return answer.Data[0], nil
}

// startApart is the real stack with a Collector that is a process of its own, so
// that other tests may run at the same time.
func startApart(t *testing.T) realStack {
	t.Helper()
	s := realStack{stack: &stack{arrivals: newArrivals()}, jaeger: startJaeger(t), loki: startLoki(t)}
	base, p := startPrometheus(t, map[string]any{"rule_files": []string{repository(t, "deploy/rules.yaml")}})
	s.prometheus = server{p, base, base + "/api/v1/otlp"}
	s.grpc, s.http = collectApart(t, collectorConfig, stores{s.jaeger.otlp, s.prometheus.otlp, s.loki.otlp})
	return s
}

// collectApart starts a Collector and returns its endpoints.
func collectApart(t *testing.T, config string, to stores) (grpc, http string) {
	t.Helper()
	grpcAddr, httpAddr, healthAddr := loopback.Addr(t), loopback.Addr(t), loopback.Addr(t)
	p := actor(t, "collector", "COLLECTOR_CONFIG="+config,
		"OTLP_GRPC_ENDPOINT="+grpcAddr, "OTLP_HTTP_ENDPOINT="+httpAddr, "HEALTH_ENDPOINT="+healthAddr, "STORAGE_DIRECTORY="+t.TempDir(),
		"JAEGER_OTLP_ENDPOINT="+to.traces, "PROMETHEUS_OTLP_ENDPOINT="+to.metrics, "LOKI_OTLP_ENDPOINT="+to.logs)
	awaitAnswer(t, "http://"+healthAddr, "", p.ended)
	return "http://" + grpcAddr, "http://" + httpAddr
}

// loseAll has a second Collector lose something of each signal, as no store takes
// anything from it. Of itself it tells the real Prometheus, each second.
func (s realStack) loseAll(t *testing.T) {
	t.Helper()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(refusing.Close)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	overGRPC := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(codes.InvalidArgument, "no") }))
	go func() { _ = overGRPC.Serve(l) }() // until Stop
	t.Cleanup(overGRPC.Stop)

	content, err := os.ReadFile(collectorConfig)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "collector.yaml")
	changed := strings.NewReplacer(
		"endpoint: ${env:PROMETHEUS_OTLP_ENDPOINT:-http://127.0.0.1:9090/api/v1/otlp}\n", "endpoint: "+refusing.URL+"\n",
		"interval: 15000", "interval: 1000",
	).Replace(string(content))
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	_, over := collectApart(t, config, stores{l.Addr().String(), s.prometheus.otlp, refusing.URL})
	p := &source{actor(t, "source", append(otlp("http/protobuf", over), "OTEL_SERVICE_NAME=lost")...), "lost"}
	p.awaitMade(t, 500)
	p.close(t)
}
