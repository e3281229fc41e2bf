//go:build linux

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// TestTiersCost: an agent gives two gateways about the same to do, and this is what
// it costs them. Takes 15 s, and a minute with E2E_FLEET.
func TestTiersCost(t *testing.T) {
	t.Parallel()
	watched, rate := 3*time.Second, 100
	if os.Getenv("E2E_FLEET") != "" {
		watched, rate = 30*time.Second, 500
	}
	s, began := newTiers(t), time.Now()
	addrs := []string{loopback.Addr(t), loopback.Addr(t)}
	config := s.settle(t, "base/gateway-collector.yaml", map[string]any{"connectors::span_metrics::metrics_flush_interval": "1s"})
	var collectors []*process
	for i, addr := range addrs {
		collectors = append(collectors, s.gateway(t, config, fmt.Sprint("gateway-", i), addr))
	}
	collectors = append(collectors, s.startAgent(t, s.settle(t, "base/agent-collector.yaml", map[string]any{
		"exporters::load_balancing::resolver": map[string]any{"static": map[string]any{"hostnames": addrs}},
	})))
	p := instance(t, s.agent, rate, otlp("http/protobuf", s.agent)...)
	s.awaitSeries(t, `sum(traces_span_metrics_calls_total{job="fleet"}) > 500`, began)
	perSecond := 2.2 * float64(rate)
	for i, used := range watch(t, watched, collectors...) {
		name, share := "an agent", perSecond
		if i < len(addrs) {
			name, share = "a gateway", perSecond/float64(len(addrs))
		}
		t.Logf("%s with %.0f spans/s: %.0f ms/s, %.0f µs a span, %d MiB", name, share, used.busy*1000, used.busy*1e6/share, used.memory>>20)
	}
	created, _ := s.end(t, p)
	if n := s.counted(t, began, created); n != len(addrs) {
		t.Errorf("%d gateways have spans, want %d", n, len(addrs))
	}
	const least = `min(sum by (instance) (traces_span_metrics_calls_total{job="fleet"})) > 0.6 * max(sum by (instance) (traces_span_metrics_calls_total{job="fleet"}))`
	s.awaitSeries(t, least, began)
}
