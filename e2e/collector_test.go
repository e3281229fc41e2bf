package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/otelcol"
)

const collectorConfig = "../deploy/collector.yaml"

// stack is the Collector with the stand-ins of its backends.
type stack struct {
	*arrivals
	prometheus *prometheusStore

	grpc, http string // OTLP endpoints of the Collector, with scheme

	// stop ends the Collector, which hands on all that it still holds.
	stop func()
}

// startStack starts deploy/collector.yaml with nothing but its endpoints
// changed. The Collector ends with the test.
func startStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{arrivals: newArrivals()}
	s.prometheus = newPrometheusStore(t)

	grpcAddr, httpAddr, healthAddr := freeAddr(t), freeAddr(t), freeAddr(t)
	t.Setenv("OTLP_GRPC_ENDPOINT", grpcAddr)
	t.Setenv("OTLP_HTTP_ENDPOINT", httpAddr)
	t.Setenv("HEALTH_ENDPOINT", healthAddr)
	t.Setenv("JAEGER_OTLP_ENDPOINT", serveTraces(t, s.arrivals))
	t.Setenv("PROMETHEUS_OTLP_ENDPOINT", serveMetrics(t, s.arrivals, s.prometheus))
	s.grpc, s.http = "http://"+grpcAddr, "http://"+httpAddr

	col, err := otelcol.NewCollector(settings(s.arrivals))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- col.Run(context.WithoutCancel(t.Context())) }()
	s.stop = sync.OnceFunc(func() {
		col.Shutdown()
		if err := <-ended; err != nil {
			t.Errorf("collector: %v", err)
		}
	})
	t.Cleanup(s.stop)
	awaitAnswer(t, "http://"+healthAddr, "", ended) // what compose asks, too
	return s
}

// awaitAnswer polls until the URL answers 200 with the text. It fails the test
// when whoever is to answer ends first.
func awaitAnswer[T any](t *testing.T, url, text string, ended <-chan T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !answers(ctx, url, text) {
		select {
		case err := <-ended:
			t.Fatalf("ended before %s answered: %v", url, err)
		case <-ctx.Done():
			t.Fatalf("%s did not answer %q within 30 s", url, text)
		case <-tick.C:
		}
	}
}

func answers(ctx context.Context, url, text string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return err == nil && res.StatusCode == http.StatusOK && strings.Contains(string(body), text)
}

// freeAddr is a loopback address that nothing listens on right now.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
