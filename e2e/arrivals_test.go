package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
)

// arrivals keeps all that came out of the Collector, in the order it came.
type arrivals struct {
	mu      sync.Mutex
	spans   []span
	metrics []metric
	logs    []logRecord
	trouble []string      // what the Collector itself warned of
	changed chan struct{} // closed and replaced at each arrival
}

type span struct {
	ptrace.Span
	resource map[string]any
	scope    string
	at       time.Time
}

type metric struct {
	pmetric.Metric
	resource map[string]any
	scope    string
}

func newArrivals() *arrivals { return &arrivals{changed: make(chan struct{})} }

func (a *arrivals) add(record func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	record()
	close(a.changed)
	a.changed = make(chan struct{})
}

// await returns when ok does, which is asked again at each arrival and must not
// block. It fails the test after the limit, with what ok said last.
func (a *arrivals) await(t *testing.T, limit time.Duration, ok func() error) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		a.mu.Lock()
		changed := a.changed
		a.mu.Unlock()
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("after %v: %v", limit, err)
		}
	}
}

func (a *arrivals) spansOf(service string) []span {
	a.mu.Lock()
	defer a.mu.Unlock()
	return filter(a.spans, func(s span) bool { return s.resource["service.name"] == service })
}

func (a *arrivals) metricsOf(service string) []metric {
	a.mu.Lock()
	defer a.mu.Unlock()
	return filter(a.metrics, func(m metric) bool { return m.resource["service.name"] == service })
}

func (a *arrivals) logsOf(service string) []logRecord {
	a.mu.Lock()
	defer a.mu.Unlock()
	return filter(a.logs, func(r logRecord) bool { return r.resource["service.name"] == service })
}

func filter[T any](all []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return !keep(v) })
}

func text(attributes pcommon.Map, key string) string {
	v, _ := attributes.Get(key)
	return v.AsString()
}

// traceServer takes the place of Jaeger.
type traceServer struct {
	ptraceotlp.UnimplementedGRPCServer
	arrivals *arrivals
}

// Export records the spans with the time of their arrival.
func (s *traceServer) Export(_ context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	now := time.Now()
	s.arrivals.add(func() {
		for _, rs := range req.Traces().ResourceSpans().All() {
			resource := rs.Resource().Attributes().AsRaw()
			for _, ss := range rs.ScopeSpans().All() {
				for _, sp := range ss.Spans().All() {
					s.arrivals.spans = append(s.arrivals.spans, span{sp, resource, ss.Scope().Name(), now})
				}
			}
		}
	})
	return ptraceotlp.NewExportResponse(), nil
}

func serveTraces(t *testing.T, a *arrivals) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, &traceServer{arrivals: a})
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

// serveMetrics takes the place of Prometheus, and hands each request on to its
// real receiver. Prometheus refusing one fails the test.
func serveMetrics(t *testing.T, a *arrivals, store *prometheusStore) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/otlp/v1/metrics", func(w http.ResponseWriter, r *http.Request) {
		body, err := record(a, r)
		if err != nil {
			t.Errorf("metrics from the Collector: %v", err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		store.receiver.ServeHTTP(answer, r)
		if answer.Code != http.StatusOK {
			t.Errorf("Prometheus answered %d: %s", answer.Code, answer.Body)
		}
		w.WriteHeader(answer.Code)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/api/v1/otlp"
}

func record(a *arrivals, r *http.Request) (body []byte, err error) {
	plain, body, err := decompress(r)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	req := pmetricotlp.NewExportRequest()
	if err := req.UnmarshalProto(plain); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	a.add(func() {
		for _, rm := range req.Metrics().ResourceMetrics().All() {
			resource := rm.Resource().Attributes().AsRaw()
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					a.metrics = append(a.metrics, metric{m, resource, sm.Scope().Name()})
				}
			}
		}
	})
	return body, nil
}
