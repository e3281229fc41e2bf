package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestRootCauseOfChecks(t *testing.T) {
	r := newRig(t, 0)
	r.Change(t, "page", StateHealthy, StateDegraded, "slow", "orders")
	r.Change(t, "postgres", StateHealthy, StateUnhealthy, "refused")
	r.Change(t, "orders", StateHealthy, StateUnhealthy, "no database", "postgres", "queue", "never registered")
	r.Change(t, "queue", StateUnknown, StateHealthy, "")
	r.Change(t, "disk", StateHealthy, StateUnhealthy, "full", "queue")
	r.Change(t, "cache", StateUnknown, StateHealthy, "", "postgres")
	var got []string
	for _, c := range r.Health().Checks {
		got = append(got, fmt.Sprintf("%s %v %q %v", c.Name, c.DependsOn, c.SuppressedBy, c.Explains))
	}
	want := `postgres [] "" [orders page]
disk [queue] "" []
orders [postgres queue never registered] "postgres" []
page [orders] "postgres" []
cache [postgres] "" []
queue [] "" []`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("\n%s\nwant\n%s", s, want)
	}
}

// What a check depends on is told by its last event, and the gauges, which know
// better how it is, know nothing of that.
func TestDependenciesOutliveALostEvent(t *testing.T) {
	r := newRig(t, 0)
	r.Change(t, "orders", StateUnknown, StateHealthy, "", "postgres")
	r.Status(t, map[string]string{"orders": StateUnhealthy, "postgres": StateUnhealthy, "late": StateHealthy}, "")
	for _, c := range r.Health().Checks {
		switch {
		case c.DependsOn == nil || c.Explains == nil:
			t.Errorf("the lists of %s are null in JSON", c.Name)
		case c.Name == "orders" && (c.SuppressedBy != "postgres" || c.State != StateUnhealthy):
			t.Errorf("%+v", c)
		}
	}
}

func TestTheFirstCauseExplains(t *testing.T) {
	at := func(second int, name string, dependsOn ...string) *Check {
		c := &Check{Name: name, State: StateUnhealthy, DependsOn: dependsOn}
		if second > 0 {
			c.Since = new(time.Unix(int64(second), 0))
		}
		return c
	}
	stale := at(9, "stale")
	stale.State, stale.Reason = StateUnknown, "stale"
	limited := at(1, "limited")
	limited.State = StateDegraded
	for name, tc := range map[string]struct {
		checks []*Check
		want   string // of the check named x
	}{
		"the first to fail":       {[]*Check{at(5, "x", "a", "b"), at(3, "a"), at(2, "b")}, "b"},
		"the first by name":       {[]*Check{at(5, "x", "a", "b"), at(2, "a"), at(2, "b")}, "a"},
		"before the console":      {[]*Check{at(5, "x", "a", "b"), at(3, "a"), at(0, "b")}, "b"},
		"the last to be reached":  {[]*Check{at(5, "x", "a"), at(3, "a", "b"), at(4, "b")}, "b"},
		"stale may be anything":   {[]*Check{at(5, "x", "stale"), stale}, "stale"},
		"less than what it is of": {[]*Check{at(5, "x", "limited"), limited}, ""},
		"nobody has heard of it":  {[]*Check{at(5, "x", "a")}, ""},
		"itself":                  {[]*Check{at(5, "x", "x")}, ""},
		"a cycle":                 {[]*Check{at(5, "x", "a"), at(5, "a", "b"), at(5, "b", "a")}, "a"},
		"a cycle through it":      {[]*Check{at(5, "x", "a"), at(5, "a", "x")}, "a"},
	} {
		checks := map[string]*Check{}
		for _, c := range tc.checks {
			checks[c.Name] = c
		}
		explain(checks)
		if got := checks["x"].SuppressedBy; got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestHostileDependencies(t *testing.T) {
	r := newRig(t, leastBytes)
	var names []string
	for i := range 10 * maxDependencies {
		names = append(names, fmt.Sprintf("\x1b[31m%d\n%s", i, strings.Repeat("x", 1000)))
	}
	for i := range 10 * r.health.maxChecks {
		r.Change(t, fmt.Sprint(i), StateHealthy, StateUnhealthy, "", names...)
	}
	r.Log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, "", attribute.String(keys.HealthCheckName, "0"), attribute.Int(keys.HealthCheckDependencies, 3))
	if u := r.health.usage(); u.Bytes > u.MaxBytes || len(r.health.dependsOn) != r.health.maxChecks {
		t.Errorf("%+v, dependencies of %d checks", u, len(r.health.dependsOn))
	}
	for _, c := range r.Health().Checks {
		if n := len(c.DependsOn); n != maxDependencies && c.Name != "0" {
			t.Errorf("%d dependencies", n)
		}
		for _, name := range c.DependsOn {
			if len(name) > maxDependency || strings.ContainsAny(name, "\x1b\n") {
				t.Errorf("%q", name)
			}
		}
	}
}
