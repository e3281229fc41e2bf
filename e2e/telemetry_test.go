package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// protocols are the two ways in, with the endpoint of each.
func protocols(s *stack) map[string]string {
	return map[string]string{"grpc": s.grpc, "http/protobuf": s.http}
}

// otlp sends telemetry to the endpoint, often enough for a test to see it live.
func otlp(protocol, endpoint string) []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint,
		"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol,
		"OTEL_METRIC_EXPORT_INTERVAL=1000",
		"OTEL_BSP_SCHEDULE_DELAY=200",
		"OTEL_BLRP_SCHEDULE_DELAY=200",
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=e2e",
	}
}

// TestCodesearch drives the demo over both protocols and reads what the
// Collector passed on.
func TestCodesearch(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			s := startStack(t)
			p := start(t, codesearch, otlp(protocol, protocols(s)[protocol]),
				"-traffic", "-addr", loopback.Addr(t))

			s.await(t, 4*time.Minute, func() error { return errors.Join(s.operation(), s.serves(), s.healthy()) })
			p.terminate(t, shutdownLimit)
			s.stop(t)

			t.Run("spans", func(t *testing.T) { checkSpans(t, s) })
			t.Run("metrics", func(t *testing.T) { checkMetrics(t, s) })
			t.Run("health", func(t *testing.T) { checkHealth(t, s) })
			t.Run("logs", func(t *testing.T) { checkLogs(t, s) })
			t.Run("resource", func(t *testing.T) { checkResource(t, s) })
			for _, trouble := range s.trouble {
				t.Errorf("the Collector complains: %s", trouble)
			}
		})
	}
}

// The examples: the name of the program is the name of its service.
const (
	codesearch = "codesearch"
	quickstart = "quickstart"
)

// operation says what is missing of a finished bulk operation.
func (s *stack) operation() error {
	root, ok := find(s.spansOf(codesearch), isOperation)
	if !ok {
		return errors.New("no root span of a bulk operation has arrived")
	}
	if result, _ := root.Attributes().Get("bulk.operation.result"); result.AsString() != "completed" {
		return fmt.Errorf("the operation is %q", result.AsString())
	}
	return nil
}

// serves says whether traffic was seen and its metrics were exported twice.
func (s *stack) serves() error {
	seen := filter(s.metricsOf(codesearch), func(m metric) bool { return m.Name() == "http.server.request.duration" })
	if len(seen) < 3 {
		return fmt.Errorf("http.server.request.duration arrived %d times", len(seen))
	}
	return nil
}

// isOperation tells the span of a whole bulk operation.
func isOperation(s span) bool {
	return strings.HasPrefix(s.Name(), "bulk ") && s.ParentSpanID().IsEmpty()
}

func find[T any](all []T, want func(T) bool) (found T, ok bool) {
	if i := slices.IndexFunc(all, want); i >= 0 {
		return all[i], true
	}
	return found, false
}

func checkSpans(t *testing.T, s *stack) {
	t.Helper()
	spans := s.spansOf(codesearch)
	root, ok := find(spans, isOperation)
	if !ok {
		t.Fatal("no root span of a bulk operation")
	}
	started, ok := find(spans, func(sp span) bool { return sp.Name() == "bulk.started" && sp.TraceID() == root.TraceID() })
	if !ok || !started.at.Before(root.at) {
		t.Errorf("bulk.started arrived at %v, its operation ended at %v: nobody could see it begin", started.at, root.at)
	}
	if _, ok := find(spans, func(sp span) bool { return strings.HasSuffix(sp.Name(), " /search") }); !ok {
		t.Error("no span of a request for /search, named by its route")
	}
	if i := slices.IndexFunc(spans, func(sp span) bool { return strings.Contains(sp.Name(), "/livez") }); i >= 0 {
		t.Error("health probes are traced")
	}
}

// instrument is what decides on the name that Prometheus gives.
type instrument struct {
	unit string
	kind pmetric.MetricType
	up   bool // a monotonic sum
}

// contract is the part of docs/telemetry.md that dashboards and alerts rest on.
func contract() map[string]instrument {
	return map[string]instrument{
		"health.status":                          {"1", pmetric.MetricTypeSum, false},
		"health.check.status":                    {"1", pmetric.MetricTypeSum, false},
		"health.check.severity":                  {"", pmetric.MetricTypeGauge, false},
		"health.check.duration":                  {"s", pmetric.MetricTypeHistogram, false},
		"health.check.transitions":               {"{transition}", pmetric.MetricTypeSum, true},
		"health.check.last_completion.timestamp": {"s", pmetric.MetricTypeGauge, false},
		"health.check.last_success.timestamp":    {"s", pmetric.MetricTypeGauge, false},
		"bulk.items":                             {"{item}", pmetric.MetricTypeSum, true},
		"bulk.io":                                {"By", pmetric.MetricTypeSum, true},
		"bulk.operation.duration":                {"s", pmetric.MetricTypeHistogram, false},
		"bulk.operation.active":                  {"{operation}", pmetric.MetricTypeSum, false},
		"bulk.operation.progress":                {"1", pmetric.MetricTypeGauge, false},
		"bulk.operation.throughput":              {"{item}/s", pmetric.MetricTypeGauge, false},
		"bulk.operation.eta":                     {"s", pmetric.MetricTypeGauge, false},
		"http.server.request.duration":           {"s", pmetric.MetricTypeHistogram, false},
		"go.goroutine.count":                     {"{goroutine}", pmetric.MetricTypeSum, false},
		"go.memory.used":                         {"By", pmetric.MetricTypeSum, false},
		"go.schedule.duration":                   {"s", pmetric.MetricTypeHistogram, false},
		"process.cpu.time":                       {"s", pmetric.MetricTypeSum, true},
	}
}

func checkMetrics(t *testing.T, s *stack) {
	t.Helper()
	got := make(map[string]instrument)
	for _, m := range s.metricsOf(codesearch) {
		up := m.Type() == pmetric.MetricTypeSum && m.Sum().IsMonotonic()
		got[m.Name()] = instrument{m.Unit(), m.Type(), up}
	}
	for name, want := range contract() {
		if have, ok := got[name]; !ok {
			t.Errorf("%s did not arrive", name)
		} else if have != want {
			t.Errorf("%s is %+v, want %+v", name, have, want)
		}
	}
	for name := range got {
		if strings.HasSuffix(name, "_total") || strings.ToLower(name) != name {
			t.Errorf("%s is no name after OpenTelemetry's rules", name)
		}
	}
}

func checkLogs(t *testing.T, s *stack) {
	t.Helper()
	logs := s.logsOf(codesearch)
	root, _ := find(s.spansOf(codesearch), isOperation)
	for _, event := range []string{"bulk.operation.started", "bulk.operation.progress", "bulk.operation.finished"} {
		r, ok := find(logs, func(r logRecord) bool { return r.EventName() == event })
		switch {
		case !ok:
			t.Errorf("no event %s", event)
		case r.Body().AsString() == "" || strings.Contains(r.Body().AsString(), "\n"):
			t.Errorf("%s says %q, want one sentence", event, r.Body().AsString())
		case r.TraceID() != root.TraceID():
			t.Errorf("%s belongs to the trace %q, want %q of its operation", event, r.TraceID(), root.TraceID())
		case text(r.Attributes(), "bulk.operation.name") == "":
			t.Errorf("%s does not name its operation: %v", event, r.Attributes().AsRaw())
		}
	}
	r, ok := find(logs, func(r logRecord) bool { return r.EventName() == "health.check.state_changed" })
	if !ok || text(r.Attributes(), "health.check.name") == "" || text(r.Attributes(), "health.check.state") == "" {
		t.Error("no event of a check that became known")
	}
}

func checkResource(t *testing.T, s *stack) {
	t.Helper()
	spans, metrics, logs := s.spansOf(codesearch), s.metricsOf(codesearch), s.logsOf(codesearch)
	if len(spans) == 0 || len(metrics) == 0 || len(logs) == 0 {
		t.Fatalf("%d spans, %d metrics, %d log records", len(spans), len(metrics), len(logs))
	}
	instance, _ := spans[0].resource["service.instance.id"].(string)
	for _, key := range []string{"service.name", "service.instance.id", "telemetry.sdk.language", "deployment.environment.name", "host.name"} {
		if spans[0].resource[key] == nil {
			t.Errorf("the resource has no %s: %v", key, spans[0].resource)
		}
	}
	if metrics[0].resource["service.instance.id"] != instance || logs[0].resource["service.instance.id"] != instance {
		t.Error("traces, metrics and logs do not name the same instance")
	}
	for key := range spans[0].resource {
		if strings.HasPrefix(key, "process.command") || key == "process.owner" {
			t.Errorf("the resource tells %s", key)
		}
	}
}
