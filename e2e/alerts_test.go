//go:build unix

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fired is what the generated rule (for: 1m) and Alertmanager may take.
const fired = 3 * time.Minute

// orderRules writes the rules of the example, and tests them as it says.
func orderRules(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	rules, tests := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "tests.yaml")
	write := start(t, orders, nil, append([]string{"-rules", rules, "-rule-tests", tests}, args...)...)
	write.wait(t, noticed)
	if write.err != nil {
		t.Fatalf("-rules: %v", write.err)
	}
	tool := promtool.path(t)
	for _, args := range [][]string{{"check", "rules", "--lint=all", "--lint-fatal", rules}, {"test", "rules", tests}} {
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Fatalf("promtool %s: %v\n%s", args[0], err, out)
		}
	}
	return rules
}

// TestRulesAlert: PostgreSQL crashes under the example. Readiness fails, and from
// the metrics that go through the Collector Prometheus finds, by the rules of the
// example's own checks, one cause. Alertmanager tells of it once, with the
// runbook, and once when it is over.
func TestRulesAlert(t *testing.T) {
	told := new(inbox)
	rules := orderRules(t, "-interval", "200ms")
	alertmanager, _ := startAlertmanager(t, told)
	prometheus, backend := startPrometheus(t, map[string]any{
		"rule_files": []string{rules},
		"alerting": map[string]any{"alertmanagers": []any{map[string]any{
			"static_configs": []any{map[string]any{"targets": []string{strings.TrimPrefix(alertmanager, "http://")}}},
		}}},
	})
	s := &stack{arrivals: newArrivals()}
	s.collect(t, stores{metrics: prometheus + "/api/v1/otlp"})
	shop := startShop(t, otlp("http/protobuf", s.http))
	awaitAnswer(t, prometheus+`/api/v1/query?query=health_check_status{health_check_name="postgres",health_check_state="healthy"}==1`, `"postgres"`, backend.ended)

	shop.postgres.stop(t)
	shop.await(t, "the service should not be ready", func(r readiness) bool { return r.status == http.StatusServiceUnavailable })
	await(t, fired, backend.ended, func(ctx context.Context) error {
		_, body, err := get(ctx, prometheus+`/api/v1/query?query=ALERTS{alertstate="firing"}`)
		if err == nil && !strings.Contains(body, `"HealthCheckUnhealthy"`) {
			err = fmt.Errorf("no alert fires: %s", body)
		}
		return err
	})
	told.await(t, shop, 1)
	awaitAnswer(t, alertmanager+"/api/v2/alerts", "HealthCheckUnhealthy", shop.ended)

	shop.postgres.start(t)
	shop.awaitReady(t)
	told.await(t, shop, 2)
	told.checkOneOutage(t)
	shop.terminate(t, shutdownLimit)
	s.end()
	for _, trouble := range s.trouble {
		t.Errorf("the Collector complains: %s", trouble)
	}
}

// TestProcessAlert: without Prometheus the example itself tells Alertmanager the
// same, under the same labels.
func TestProcessAlert(t *testing.T) {
	told := new(inbox)
	alertmanager, _ := startAlertmanager(t, told)
	shop := startShop(t, withoutTelemetry(), "-alertmanager", alertmanager, "-hold", "3s")

	shop.postgres.stop(t)
	told.await(t, shop, 1)
	if n := told.all()[0]; !strings.Contains(n.Annotations["description"], "connect") || n.Annotations["dependants"] != "orders" {
		t.Errorf("the alert does not say what is wrong: %v", n.Annotations)
	}
	shop.postgres.start(t)
	shop.awaitReady(t)
	told.await(t, shop, 2)
	told.checkOneOutage(t)
	shop.terminate(t, shutdownLimit)
}

// await returns when the inbox was told of so many alerts.
func (i *inbox) await(t *testing.T, s *shop, count int) {
	t.Helper()
	await(t, fired, s.ended, func(context.Context) error {
		if alerts := i.all(); len(alerts) < count {
			return fmt.Errorf("told of %d alerts, want %d: %v", len(alerts), count, alerts)
		}
		return nil
	})
}

// checkOneOutage: one alert of PostgreSQL, and its end.
func (i *inbox) checkOneOutage(t *testing.T) {
	t.Helper()
	alerts := i.all()
	if len(alerts) != 2 || alerts[0].Status != "firing" || alerts[1].Status != "resolved" {
		t.Fatalf("told %+v; want one firing, then one resolved", alerts)
	}
	want := map[string]string{
		"alertname": "HealthCheckUnhealthy", "job": orders, "health_check_name": "postgres", "severity": "critical",
	}
	for _, n := range alerts {
		if !maps.Equal(n.Labels, want) {
			t.Errorf("%s: labels %v, want %v", n.Status, n.Labels, want)
		}
		if !strings.HasSuffix(n.Annotations["runbook_url"], "/docs/runbooks/postgres.md") || n.Annotations["summary"] == "" {
			t.Errorf("%s: annotations %v", n.Status, n.Annotations)
		}
	}
}
