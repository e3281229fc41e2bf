package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/alert"
)

// variedChecks have every character that a name may have, and every property that
// rules depend on.
func variedChecks(t *testing.T) []health.Check {
	t.Helper()
	pass := func(context.Context) error { return nil }
	r := health.New(health.Options{})
	var errs []error
	for _, c := range []health.Check{
		{Name: "postgres", Runbook: `https://runbooks.example/a'b"c?q={{ $value }}&x=%20#<&>\`},
		{Name: "Orders/v2.shop_EU-1", Critical: true, DependsOn: []string{"postgres"}, Interval: time.Minute, Fall: 3},
		{Name: strings.Repeat("9", 63), Interval: 24 * time.Hour, TTL: 100 * time.Hour, Grace: 48 * time.Hour},
		{Name: "0", Interval: health.MinInterval, Timeout: time.Millisecond, Grace: time.Second},
		{Name: "true", Interval: 10 * time.Minute, Fall: 2, Critical: true, Scope: health.Internal, Probes: health.Liveness},
	} {
		c.Func = pass
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return r.Checks()
}

// writeRules writes rules, changed by mutate, with the tests of unchanged ones.
func writeRules(t *testing.T, job string, checks []health.Check, mutate func(string) string) (rules, tests string) {
	t.Helper()
	dir := t.TempDir()
	rules, tests = filepath.Join(dir, "rules.yml"), filepath.Join(dir, "rules_test.yml")
	var text, testText strings.Builder
	err := errors.Join(
		alert.WriteRules(&text, job, checks),
		alert.WriteRuleTests(&testText, job, checks, "rules.yml"),
		os.WriteFile(rules, []byte(mutate(text.String())), 0o600),
		os.WriteFile(tests, []byte(testText.String()), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return rules, tests
}

func TestGeneratedRules(t *testing.T) {
	tool := promtool.path(t)
	run := func(t *testing.T, args ...string) (string, error) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
		return string(out), err
	}
	checks := variedChecks(t)
	same := func(text string) string { return text }
	for name, set := range map[string]struct {
		job    string
		checks []health.Check
	}{
		"varied":           {"shop", checks},
		"namespace":        {"eu/shop", checks[:1]},
		"hostile job":      {`a"b'c\{{ .Value }} # é`, checks[:2]},
		"no check at all":  {"shop", nil},
		"nothing critical": {"shop", checks[3:4]},
	} {
		t.Run(name, func(t *testing.T) {
			rules, tests := writeRules(t, set.job, set.checks, same)
			if out, err := run(t, "check", "rules", "--lint=all", "--lint-fatal", rules); err != nil {
				t.Errorf("check rules: %v\n%s", err, out)
			}
			if out, err := run(t, "test", "rules", tests); err != nil {
				t.Errorf("test rules: %v\n%s", err, out)
			}
		})
	}
	t.Run("a changed rule fails its test", func(t *testing.T) {
		few := slices.DeleteFunc(slices.Clone(checks), func(c health.Check) bool { return c.Name != "true" && c.Name != "0" })
		for _, change := range [][2]string{
			{`health_check_state="unhealthy"`, `health_check_state="degraded"`},
			{`health_check_state="degraded"`, `health_check_state="unknown"`},
			{`health_check_state="unknown"`, `health_check_state="unhealthy"`},
			{`health_check_muted`, `health_check_gone`},
			{`health_check_flapping`, `health_check_muted`},
			{`health_check_last_completion`, `health_check_last_success`},
			{`timestamp(`, `time() - 0*(`},
			{`) > 0`, `) > 1`},
			{`> 0.5`, `> 0.7`},
			{`> 0.5`, `> 0.3`},
			{`for: 1m`, `for: 2m`},
			{`for: 10m`, `for: 9m`},
			{`severity: "critical"`, `severity: "warning"`},
			{`severity: "warning"`, `severity: "critical"`},
			{`job="shop"`, `job=~".+"`},
			{`absent(`, `count(`},
			{`is unhealthy`, `is ill`},
		} {
			_, tests := writeRules(t, "shop", few, func(text string) string {
				if !strings.Contains(text, change[0]) {
					t.Errorf("no rule holds %s", change[0])
				}
				return strings.ReplaceAll(text, change[0], change[1])
			})
			if out, err := run(t, "test", "rules", tests); err == nil {
				t.Errorf("%s -> %s: the tests pass\n%s", change[0], change[1], out)
			}
		}
	})
}
