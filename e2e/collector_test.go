package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/otelcol"

	"github.com/otelmon/otelmon-go/doctor"
	"github.com/otelmon/otelmon-go/internal/loopback"
)

const collectorConfig = "../deploy/collector.yaml"

// stack is the Collector with the stand-ins of its backends, as far as they are
// not real.
type stack struct {
	*arrivals
	prometheus *prometheusStore

	grpc, http string // OTLP endpoints of the Collector, with scheme

	end func() // ends the Collector; what waits in its queues stays on the disk
}

// startStack starts deploy/collector.yaml with nothing but its endpoints
// changed. The Collector ends with the test.
func startStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{arrivals: newArrivals(), prometheus: newPrometheusStore(t)}
	s.collect(t, stores{metrics: serveMetrics(t, s.arrivals, s.prometheus)})
	return s
}

// stores are the OTLP endpoints that the Collector sends to. The stand-ins of
// Jaeger and Loki are for those that are empty.
type stores struct{ traces, metrics, logs string }

// collect starts the Collector.
func (s *stack) collect(t *testing.T, to stores) {
	t.Helper()
	if to.traces == "" {
		to.traces = serveTraces(t, s.arrivals)
	}
	if to.logs == "" {
		to.logs = serveLogs(t, s.arrivals)
	}
	grpcAddr, httpAddr, healthAddr := loopback.Addr(t), loopback.Addr(t), loopback.Addr(t)
	t.Setenv("OTLP_GRPC_ENDPOINT", grpcAddr)
	t.Setenv("OTLP_HTTP_ENDPOINT", httpAddr)
	t.Setenv("HEALTH_ENDPOINT", healthAddr)
	t.Setenv("STORAGE_DIRECTORY", t.TempDir())
	t.Setenv("JAEGER_OTLP_ENDPOINT", to.traces)
	t.Setenv("PROMETHEUS_OTLP_ENDPOINT", to.metrics)
	t.Setenv("LOKI_OTLP_ENDPOINT", to.logs)
	s.grpc, s.http = "http://"+grpcAddr, "http://"+httpAddr

	col, err := otelcol.NewCollector(settings(s.arrivals))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- col.Run(context.WithoutCancel(t.Context()))
		close(ended) // so that an error which await has taken is not waited for
	}()
	s.end = sync.OnceFunc(func() {
		col.Shutdown()
		if err := <-ended; err != nil {
			t.Errorf("collector: %v", err)
		}
	})
	t.Cleanup(s.end)
	awaitAnswer(t, "http://"+healthAddr, "", ended) // what compose asks, too
}

// stop ends the Collector when the stand-ins have got one more of each signal: it
// waited in the queues behind all others.
func (s *stack) stop(t *testing.T) {
	t.Helper()
	const last = "last"
	if err := doctor.Run(t.Context(), doctor.Options{Environ: append(otlp("grpc", s.grpc), "OTEL_SERVICE_NAME="+last)}).Err(); err != nil {
		t.Error(err)
	}
	s.await(t, 30*time.Second, func() error {
		if spans, metrics, logs := len(s.spansOf(last)), len(s.metricsOf(last)), len(s.logsOf(last)); spans*metrics*logs == 0 {
			return fmt.Errorf("of the last ones %d spans, %d metrics and %d log records have arrived", spans, metrics, logs)
		}
		return nil
	})
	s.end()
}

// awaitAnswer polls until the URL answers 200 with the text. It fails the test
// when whoever is to answer ends first.
func awaitAnswer[T any](t *testing.T, url, text string, ended <-chan T) {
	t.Helper()
	await(t, 30*time.Second, ended, func(ctx context.Context) error {
		status, body, err := get(ctx, url)
		if err == nil && (status != http.StatusOK || !strings.Contains(body, text)) {
			err = fmt.Errorf("%s answered %d without %q:\n%s", url, status, text, body)
		}
		return err
	})
}

// await asks again and again until there is no error. It fails the test with the
// last one after the limit, and when whoever it is about ends first.
func await[T any](t *testing.T, limit time.Duration, ended <-chan T, ask func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for last := ask(ctx); last != nil; {
		select {
		case err := <-ended:
			t.Fatalf("ended too early (%v): %v", err, last)
		case <-ctx.Done():
			t.Fatalf("not within %v: %v", limit, last)
		case <-tick.C:
		}
		if err := ask(ctx); err == nil || ctx.Err() == nil {
			last = err // one that the limit itself caused would hide the reason
		}
	}
}

func get(ctx context.Context, url string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	return exchange(req)
}

func exchange(req *http.Request) (status int, body string, err error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	return res.StatusCode, string(content), err
}
