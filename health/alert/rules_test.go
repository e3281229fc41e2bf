package alert

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// What the rules find is tested with promtool, in e2e.

func written(t *testing.T, checks []health.Check) string {
	t.Helper()
	var b strings.Builder
	must(t, errors.Join(WriteRules(&b, "shop", checks), WriteRuleTests(&b, "shop", checks, "rules.yml")))
	return b.String()
}

func TestRulesDoNotDependOnOrder(t *testing.T) {
	checks := []health.Check{{Name: "b", Interval: 1, Critical: true}, {Name: "a", Interval: 1}, {Name: "c", Interval: 1}}
	first := written(t, checks)
	slices.Reverse(checks)
	if written(t, checks) != first {
		t.Error("another order of the checks makes other rules")
	}
	if checks[0].Name != "c" {
		t.Error("the caller's checks were sorted")
	}
}

func TestRulesWaitForThreeExecutions(t *testing.T) {
	for _, tt := range []struct {
		interval time.Duration
		fall     int
		want     time.Duration
	}{
		{15 * time.Second, 1, time.Minute},
		{time.Minute, 1, 2 * time.Minute},
		{time.Minute, 2, time.Minute},
		{10 * time.Minute, 5, 10 * time.Minute},
		{24 * time.Hour, 1, time.Hour},
	} {
		s := subject{job: "shop", check: health.Check{Name: "x", Interval: tt.interval, Fall: tt.fall}}
		if got := s.inState(unhealthy).hold; got != tt.want {
			t.Errorf("Interval %v, Fall %d: for %v, want %v", tt.interval, tt.fall, got, tt.want)
		}
	}
}

// Rules and senders have to agree, for Alertmanager to see one alert.
func TestRulesAndAlertsHaveTheSameLabels(t *testing.T) {
	checks := []health.Check{
		{Name: "cart", Critical: true, DependsOn: []string{"postgres"}},
		{Name: "postgres", DependsOn: []string{"disk"}},
		{Name: "disk"},
		{Name: "mail", DependsOn: []string{"dns"}},
		{Name: "dns"},
	}
	rules, err := rulesOf("shop", checks)
	must(t, err)
	d := decider{job: "shop"}
	severe := vital(checks)
	if fmt.Sprint(severe) != "map[cart:true disk:true postgres:true]" {
		t.Errorf("vital: %v", severe)
	}
	compared := 0
	for _, r := range rules {
		if r.check == "" {
			continue
		}
		k := kind(r.alert)
		a := Alert{Labels: d.label(r.check, signal{k, k.severity(severe[r.check])})}
		rule := Alert{Labels: map[string]string{labelName: r.alert}}
		for _, l := range r.labels() {
			rule.Labels[l[0]] = l[1]
		}
		if a.Fingerprint() != rule.Fingerprint() {
			t.Errorf("rule %v, alert %v", rule.Labels, a.Labels)
		}
		compared++
	}
	if compared != 4*len(checks) {
		t.Errorf("%d rules about %d checks", compared, len(checks))
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestRulesSayWhatIsWrong(t *testing.T) {
	for _, job := range []string{"", "a\nb", "a\x00", "\xff"} {
		if err := errors.Join(WriteRules(io.Discard, job, nil)); err == nil {
			t.Errorf("job %q is taken", job)
		}
		if err := WriteRuleTests(io.Discard, job, nil, "x"); err == nil {
			t.Errorf("job %q is taken for tests", job)
		}
	}
	for _, err := range []error{WriteRules(full{}, "shop", nil), WriteRuleTests(full{}, "shop", nil, "x")} {
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("the writer's error is lost: %v", err)
		}
	}
}
