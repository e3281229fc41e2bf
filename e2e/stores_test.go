package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// server is a store that runs: where it is asked, and where it takes OTLP.
type server struct {
	*process

	base, otlp string
}

// startJaeger starts deploy/jaeger.yaml with nothing but its endpoints changed.
func startJaeger(t *testing.T) server {
	t.Helper()
	program := backend{names: []string{"jaeger"}, from: made}.path(t)
	query, receiver, health := loopback.Addr(t), loopback.Addr(t), loopback.Addr(t)
	cmd := exec.Command(program, "--config=file:"+jaegerConfig)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "JAEGER_QUERY_ENDPOINT=" + query, "JAEGER_QUERY_GRPC_ENDPOINT=" + loopback.Addr(t),
		"OTLP_GRPC_ENDPOINT=" + receiver, "HEALTH_ENDPOINT=" + health,
	}
	p := run(t, cmd)
	awaitAnswer(t, "http://"+health+"/status", "", p.ended) // what compose asks, too
	return server{p, "http://" + query, receiver}
}

// startLoki starts deploy/loki.yaml with nothing but its ports and folder changed.
func startLoki(t *testing.T) server {
	t.Helper()
	program := backend{names: []string{"loki"}, from: made}.path(t)
	addr, dir := loopback.Addr(t), t.TempDir()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	_, internal, err := net.SplitHostPort(loopback.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	p := run(t, exec.Command(program, "-config.file="+lokiConfig,
		"-server.http-listen-address=127.0.0.1", "-server.http-listen-port="+port, "-server.grpc-listen-port="+internal,
		"-common.path-prefix="+dir, "-local.chunk-directory="+dir+"/chunks"))
	awaitAnswer(t, "http://"+addr+"/ready", "", p.ended) // what compose asks, too
	return server{p, "http://" + addr, "http://" + addr + "/otlp"}
}

// realStack is docker-compose.yaml with every store in it a real one.
type realStack struct {
	*stack

	prometheus, jaeger, loki server
}

func startRealStack(t *testing.T) realStack {
	t.Helper()
	s := realStack{stack: &stack{arrivals: newArrivals()}, jaeger: startJaeger(t), loki: startLoki(t)}
	base, p := startPrometheus(t, nil)
	s.prometheus = server{p, base, base + "/api/v1/otlp"}
	s.collect(t, stores{traces: s.jaeger.otlp, metrics: s.prometheus.otlp, logs: s.loki.otlp})
	return s
}

// ask decodes the JSON that a store answers to a query.
func (s server) ask(ctx context.Context, path string, query url.Values, answer any) error {
	status, body, err := get(ctx, s.base+path+"?"+query.Encode())
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s is answered %d: %s", path, status, body)
	}
	return json.Unmarshal([]byte(body), answer)
}

// storedTrace is a trace as Jaeger's query API tells it.
type storedTrace struct {
	TraceID   string
	Spans     []storedSpan
	Processes map[string]struct {
		ServiceName string
		Tags        []storedTag
	}
}

type storedSpan struct {
	SpanID, OperationName, ProcessID string
	References                       []struct{ RefType, TraceID, SpanID string }
	Tags                             []storedTag
}

type storedTag struct {
	Key   string
	Value any
}

// traces are those of a service with such a span in them, newest first.
func (s realStack) traces(ctx context.Context, service, name string) ([]storedTrace, error) {
	var answer struct{ Data []storedTrace }
	query := url.Values{"service": {service}, "limit": {"5000"}}
	if name != "" {
		query.Set("operation", name)
	}
	err := s.jaeger.ask(ctx, "/api/traces", query, &answer)
	return answer.Data, err
}

// await returns the one trace of a service that has a span of each of the names.
func (s realStack) await(t *testing.T, limit time.Duration, p *process, service string, names ...string) (trace storedTrace) {
	t.Helper()
	await(t, limit, p.ended, func(ctx context.Context) error {
		all, err := s.traces(ctx, service, names[0])
		if err != nil {
			return err
		}
		for _, trace = range all {
			if !slices.ContainsFunc(names, func(name string) bool { return len(trace.named(name)) == 0 }) {
				return nil
			}
		}
		return fmt.Errorf("of %d traces none has all of %q", len(all), names)
	})
	return trace
}

func (t storedTrace) named(name string) []storedSpan {
	return filter(t.Spans, func(s storedSpan) bool { return s.OperationName == name })
}

// parent returns the span that s is a child of, if the trace has it.
func (t storedTrace) parent(s storedSpan) (storedSpan, bool) {
	return find(t.Spans, func(other storedSpan) bool {
		return slices.ContainsFunc(s.References, func(r struct{ RefType, TraceID, SpanID string }) bool {
			return r.RefType == "CHILD_OF" && r.TraceID == t.TraceID && r.SpanID == other.SpanID
		})
	})
}

func (s storedSpan) tag(key string) string {
	for _, tag := range s.Tags {
		if tag.Key == key {
			return fmt.Sprint(tag.Value)
		}
	}
	return ""
}

// lines are what Loki has of a service that belongs to the trace.
func (s realStack) lines(ctx context.Context, service, trace string) (lines []string, err error) {
	var answer struct {
		Data struct {
			Result []struct{ Values [][2]string }
		}
	}
	err = s.loki.ask(ctx, "/loki/api/v1/query_range", url.Values{
		"query": {fmt.Sprintf(`{service_name=%q} | trace_id=%q`, service, trace)}, "limit": {"1000"}, "direction": {"forward"},
		"start": {strconv.FormatInt(time.Now().Add(-time.Hour).UnixNano(), 10)},
	}, &answer)
	for _, stream := range answer.Data.Result {
		for _, v := range stream.Values {
			lines = append(lines, v[1])
		}
	}
	return lines, err
}
