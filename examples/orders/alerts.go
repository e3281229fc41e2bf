package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/alert"
)

// service is what telemetry and alerts call this program.
const service = "orders"

// startAlerts has the process itself tell of failures: Alertmanager if that is
// given, else the log. Where there is a Prometheus the rules do better, for a
// process that has died tells nothing.
func startAlerts(ctx context.Context, checks *health.Registry, f flags, logger *slog.Logger) (*alert.Sender, error) {
	to := alert.Slog(logger)
	if f.alertmanager != "" {
		to = alert.Alertmanager(f.alertmanager)
	}
	return alert.Start(ctx, checks, alert.Options{Service: service, Receivers: []alert.Receiver{to}, Hold: f.hold})
}

// writeRules writes Prometheus rules about the checks and, if the flags ask for
// them, their unit tests.
func writeRules(f flags, checks []health.Check) error {
	var rules, tests bytes.Buffer
	from, err := filepath.Rel(filepath.Dir(f.ruleTests), f.rules)
	err = errors.Join(err,
		alert.WriteRules(&rules, service, checks),
		alert.WriteRuleTests(&tests, service, checks, filepath.ToSlash(from)),
		os.WriteFile(f.rules, rules.Bytes(), 0o600))
	if f.ruleTests != "" {
		err = errors.Join(err, os.WriteFile(f.ruleTests, tests.Bytes(), 0o600))
	}
	return err
}
