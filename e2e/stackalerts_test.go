//go:build unix

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.yaml.in/yaml/v3"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/internal/loopback"
	"github.com/otelmon/otelmon-go/internal/oteltest"
	"github.com/otelmon/otelmon-go/otelmon"
)

// poison is what a backend of traces does not take.
const poison = "poison"

// patientRole is a service with a critical check, an operation that does not end and
// spans. Of the files in its folder unhealthy fails the check, stalled stops the
// operation, and poisoned makes some of the spans such that the backend refuses them.
func patientRole(ctx context.Context) error {
	has := func(trouble string) bool {
		_, err := os.Stat(filepath.Join(os.Getenv("PATIENT_FOLDER"), trouble))
		return err == nil
	}
	m, err := otelmon.Start(ctx, otelmon.Config{LogOutput: io.Discard})
	if err != nil {
		return err
	}
	last := context.WithoutCancel(ctx)
	checks := health.New(health.Options{})
	err = errors.Join(checks.Register(health.Check{Name: "db", Critical: true, Interval: 200 * time.Millisecond, Func: func(context.Context) error {
		if has("unhealthy") {
			return errors.New("refused")
		}
		return nil
	}}), checks.Start(last))
	if err != nil {
		return err
	}
	_, operation := bulk.Start(last, "import")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		name := "sound"
		if n%10 == 0 && has("poisoned") {
			name = poison
		}
		_, span := otel.Tracer("patient").Start(last, name)
		span.End()
		if !has("stalled") {
			operation.OK()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	operation.End(nil)
	return errors.Join(m.Shutdown(last), checks.Shutdown(last)) // the order in which it is harder to tell from a kill
}

// inSeconds makes a minute a second in a file of rules or routes, and changes
// nothing else: durations are written as such there, and as nothing else.
func inSeconds(t *testing.T, file string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	milliseconds := map[string]int{"s": 1000 / 60, "m": 1000, "h": 60_000, "d": 24 * 60_000}
	duration := regexp.MustCompile(`\b(\d+)([smhd])\b`)
	text := duration.ReplaceAllStringFunc(string(content), func(match string) string {
		m := duration.FindStringSubmatch(match)
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(n*milliseconds[m[2]]) + "ms"
	})
	var parsed map[string]any
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// alerting is the stack as far as it alerts, a minute being a second.
type alerting struct {
	*inbox

	prometheus, alertmanager string
	collector                string // OTLP over HTTP
	traces                   *oteltest.Receiver
	ended                    <-chan struct{} // Prometheus
}

func startAlerting(t *testing.T) alerting {
	t.Helper()
	a := alerting{inbox: new(inbox)}
	a.alertmanager, _ = runAlertmanager(t, inSeconds(t, alertmanagerConfig), a.inbox)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	writeYAML(t, rules, inSeconds(t, stackRules))
	// A machine that is busy is late, so a series is seen for longer.
	base, backend := startPrometheus(t, map[string]any{
		"rule_files": []string{rules},
		"alerting": map[string]any{"alertmanagers": []any{map[string]any{
			"static_configs": []any{map[string]any{"targets": []string{strings.TrimPrefix(a.alertmanager, "http://")}}},
		}}},
	}, "--query.lookback-delta=20s")
	a.prometheus, a.ended = base, backend.ended
	traces, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(traces.Close)
	traces.Fail(oteltest.Fault{Status: http.StatusBadRequest, Message: "no " + poison, Only: func(q oteltest.Request) bool {
		return q.Traces != nil && strings.Contains(q.Traces.String(), poison)
	}})
	a.traces = traces
	addr, probe := loopback.Addr(t), loopback.Addr(t)
	collector := actor(t, "collector", "COLLECTOR_CONFIG="+toldInSeconds(t), "STORAGE_DIRECTORY="+t.TempDir(),
		"OTLP_HTTP_ENDPOINT="+addr, "OTLP_GRPC_ENDPOINT="+loopback.Addr(t), "HEALTH_ENDPOINT="+probe,
		"PROMETHEUS_OTLP_ENDPOINT="+base+"/api/v1/otlp",
		"JAEGER_OTLP_ENDPOINT="+strings.TrimPrefix(traces.GRPCURL(), "http://"), "LOKI_OTLP_ENDPOINT="+traces.HTTPURL())
	awaitAnswer(t, "http://"+probe, "", collector.ended)
	a.collector = "http://" + addr
	return a
}

// toldInSeconds is the Collector's file, but that it tells of itself as often as a
// minute that is a second asks for.
func toldInSeconds(t *testing.T) (file string) {
	t.Helper()
	content, err := os.ReadFile(collectorConfig)
	if err != nil {
		t.Fatal(err)
	}
	const each = "interval: 15000"
	if !strings.Contains(string(content), each) {
		t.Fatalf("%s does not say %s", collectorConfig, each)
	}
	file = filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(content), each, "interval: 250", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// patient starts one whose spans go past the Collector, and returns when
// Prometheus has its metrics.
func (a alerting) patient(t *testing.T, name string) (p *process, folder string) {
	t.Helper()
	folder = t.TempDir()
	p = actor(t, "patient", append(otlp("http/protobuf", a.collector), "OTEL_SERVICE_NAME="+name, "PATIENT_FOLDER="+folder,
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+a.traces.HTTPURL()+"/v1/traces")...)
	awaitAnswer(t, a.prometheus+`/api/v1/query?query=health_status{job="`+name+`",health_state="healthy"}==1`, `"`+name+`"`, p.ended)
	return p, folder
}

// told finds what Alertmanager last told of an alert of a service.
func (a alerting) told(name, job string) (last notice) {
	for _, n := range a.all() {
		if n.Labels["alertname"] == name && n.Labels["job"] == job {
			last = n
		}
	}
	return last
}

// await returns when each alert of the patient was told to its receiver and is in
// the state now.
func (a alerting) await(t *testing.T, status string, receivers map[string]string) {
	t.Helper()
	await(t, time.Minute, a.ended, func(context.Context) error {
		for name, receiver := range receivers {
			if n := a.told(name, "patient"); n.Receiver != receiver || n.Status != status {
				return fmt.Errorf("%s of %s: told %+v, not %s", name, receiver, n, status)
			}
		}
		return nil
	})
}

// TestStackAlerts breaks a service in three ways at once, and mends it: by the
// rules and routes of the stack, each is told with its runbook, and that it is over.
// Of two more services, one is killed and one ends in order; only the one that was
// killed is missed. It takes 35 s, most of it waiting.
func TestStackAlerts(t *testing.T) {
	t.Parallel()
	a := startAlerting(t)
	_, folder := a.patient(t, "patient")
	killed, _ := a.patient(t, "killed")
	orderly, _ := a.patient(t, "orderly")
	killed.kill(t)
	orderly.terminate(t, shutdownLimit)

	troubles := []string{filepath.Join(folder, "unhealthy"), filepath.Join(folder, "stalled"), filepath.Join(folder, "poisoned")}
	for _, trouble := range troubles {
		if err := os.WriteFile(trouble, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	receivers := map[string]string{"HealthCheckUnhealthy": "page", "BulkOperationStalled": "page", "TelemetryDropped": "ticket"}
	a.await(t, "firing", receivers)
	for name, want := range map[string]string{
		"HealthCheckUnhealthy": "db of patient is unhealthy",
		"BulkOperationStalled": "import of patient stands still",
		"TelemetryDropped":     "patient loses traces on the way to default: rejected",
	} {
		n := a.told(name, "patient")
		if n.Annotations["summary"] != want || !strings.HasSuffix(n.Annotations["runbook_url"], "#"+strings.ToLower(name)) {
			t.Errorf("%s: %v", name, n.Annotations)
		}
	}

	for _, trouble := range troubles {
		if err := os.Remove(trouble); err != nil {
			t.Fatal(err)
		}
	}
	a.await(t, "resolved", receivers)
	await(t, time.Minute, a.ended, func(context.Context) error {
		if n := a.told("HealthTelemetryAbsent", "killed"); n.Receiver != "page" || n.Status != "firing" {
			return fmt.Errorf("the service that was killed: told %+v", n)
		}
		return nil
	})
	// The Collector starts last, and a machine that is busy with other tests is slow.
	explained := []string{"CollectorAbsent", "CollectorQueueGrowing", "HealthTelemetryAbsent", "SchedulerLatencyHigh", "TelemetryBacklogGrowing"}
	for _, n := range a.all() {
		if n.Labels["job"] == "orderly" {
			t.Errorf("told of the service that ended in order: %+v", n)
		}
		if !slices.Contains(explained, n.Labels["alertname"]) && receivers[n.Labels["alertname"]] == "" {
			t.Errorf("nothing is wrong with %s: %+v", n.Labels["alertname"], n)
		}
	}
	a.checkRules(t)
}

// checkRules asks Prometheus whether it could evaluate every rule, and whether it
// has what rules ask of the Collector.
func (a alerting) checkRules(t *testing.T) {
	t.Helper()
	_, body, err := get(t.Context(), a.prometheus+"/api/v1/rules")
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err = errors.Join(err, json.Unmarshal([]byte(body), &answer)); err != nil {
		t.Fatal(err)
	}
	all, _ := loadStackRules(t)
	count := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			count++
			if r.Health != "ok" {
				t.Errorf("%s: %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if count != len(all) {
		t.Errorf("Prometheus has %d rules, want %d", count, len(all))
	}
	missing := map[string]bool{
		"otelcol_process_uptime_seconds_total": true, "otelcol_receiver_refused_metric_points_total": true,
		"otelcol_exporter_queue_size": true, "otelcol_exporter_queue_capacity": true,
	}
	if _, body, err = get(t.Context(), a.prometheus+"/api/v1/label/__name__/values"); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(missing, func(name string, _ bool) bool { return strings.Contains(body, `"`+name+`"`) })
	for name := range missing {
		t.Errorf("the Collector sends no %s", name)
	}
}

// labelled is an alert by its name, severity, service and one more label.
func labelled(name, severity, job string, more ...string) map[string]string {
	labels := map[string]string{"alertname": name, "severity": severity, "job": job}
	for i := 0; i < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	return labels
}

// TestStackInhibits tells Alertmanager of causes and consequences, and asks it which
// it keeps to itself.
func TestStackInhibits(t *testing.T) {
	t.Parallel()
	base, _ := runAlertmanager(t, inSeconds(t, alertmanagerConfig), new(inbox))
	const check, operation = "health_check_name", "bulk_operation_name"
	told := []map[string]string{
		labelled("HealthCheckUnhealthy", "critical", "own", check, "db"),
		labelled("HealthCheckUnhealthy", "page", "own", check, "queue"),
		labelled("HealthCheckUnhealthy", "page", "check", check, "db"),
		labelled("GoroutinesGrowing", "ticket", "check"),
		labelled("BulkOperationStalled", "page", "etl", operation, "load"),
		labelled("BulkThroughputLow", "ticket", "etl", operation, "unload"),
		labelled("HealthServiceUnhealthy", "page", "down"),
		labelled("HealthCheckUnhealthy", "page", "down", check, "db"),
		labelled("HealthTelemetryAbsent", "page", "gone"),
		labelled("TelemetryBacklogGrowing", "ticket", "waiting"),
	}
	kept := []map[string]string{
		labelled("HealthCheckUnhealthy", "page", "own", check, "db"),
		labelled("HealthCheckFlapping", "ticket", "check", check, "db"),
		labelled("BulkThroughputLow", "ticket", "etl", operation, "load"),
		labelled("GoroutinesGrowing", "ticket", "down"),
		labelled("HealthCheckDegraded", "ticket", "down", check, "cache"),
		labelled("HealthCheckUnhealthy", "critical", "gone", check, "db"),
		labelled("ProcessVanished", "ticket", "gone"),
	}
	post(t, base, slices.Concat(told, kept))
	checkSuppressed(t, base, told, kept)

	post(t, base, []map[string]string{labelled("CollectorAbsent", "page", "otelcol"), labelled("CollectorRefusing", "ticket", "otelcol-2")})
	checkSuppressed(t, base, told[:8], append(kept, told[8:]...))
}

func post(t *testing.T, base string, alerts []map[string]string) {
	t.Helper()
	var all []any
	for _, labels := range alerts {
		all = append(all, map[string]any{"labels": labels})
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if status, answer, err := exchange(req); status != http.StatusOK || err != nil {
		t.Fatalf("%d %s %v", status, answer, err)
	}
}

// heldAlert is what Alertmanager says of an alert: active ones it tells of.
type heldAlert struct {
	Labels map[string]string
	Status struct{ State string }
}

func checkSuppressed(t *testing.T, base string, told, kept []map[string]string) {
	t.Helper()
	var never chan error
	await(t, 10*time.Second, never, func(ctx context.Context) error {
		_, body, err := get(ctx, base+"/api/v2/alerts")
		var alerts []heldAlert
		if err = errors.Join(err, json.Unmarshal([]byte(body), &alerts)); err != nil {
			return err
		}
		for state, want := range map[string][]map[string]string{"active": told, "suppressed": kept} {
			for _, labels := range want {
				if !slices.ContainsFunc(alerts, func(a heldAlert) bool {
					return a.Status.State == state && maps.Equal(a.Labels, labels)
				}) {
					return fmt.Errorf("%v is not %s: %s", labels, state, body)
				}
			}
		}
		return nil
	})
}
