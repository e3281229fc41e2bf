package console

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// status observes what package health does.
func (r *rig) status(t *testing.T, states map[string]string, service string) {
	t.Helper()
	m := r.mp.Meter(keys.ScopeHealth)
	check, err := m.Int64ObservableUpDownCounter(keys.HealthCheckStatus)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := m.Int64ObservableUpDownCounter(keys.HealthStatus)
	if err != nil {
		t.Fatal(err)
	}
	done, err := m.Float64ObservableGauge(keys.HealthCheckLastCompletion)
	if err != nil {
		t.Fatal(err)
	}
	is := map[bool]int64{true: 1}
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, s := range []string{stateHealthy, stateDegraded, stateUnhealthy, stateUnknown} {
			for name, state := range states {
				o.ObserveInt64(check, is[s == state], metric.WithAttributes(attribute.String(keys.HealthCheckName, name),
					attribute.String(keys.HealthCheckState, s), attribute.Bool(keys.HealthCheckCritical, name == "db")))
				o.ObserveFloat64(done, 1.75e9, metric.WithAttributes(attribute.String(keys.HealthCheckName, name)))
			}
			if service != "" {
				o.ObserveInt64(whole, is[s == service], metric.WithAttributes(attribute.String(keys.HealthState, s)))
			}
		}
		return nil
	}, check, whole, done)
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) change(t *testing.T, name, from, to, message string) {
	t.Helper()
	r.log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, name+" is "+to,
		attribute.String(keys.HealthCheckName, name), attribute.String(keys.HealthCheckState, to),
		attribute.String(keys.HealthCheckPreviousState, from), attribute.Bool(keys.HealthCheckCritical, name == "db"),
		attribute.String(keys.HealthCheckMessage, message), attribute.String(keys.HealthCheckReason, "timeout"))
}

// The beginning of flapping is a change like any other, and what the gauges say
// of a check stands beside its name.
func TestFlappingAndMutedChecks(t *testing.T) {
	r := newRig(t, Options{})
	r.log(t.Context(), log.SeverityError, keys.EventHealthFlappingStarted, "db keeps changing its state",
		attribute.String(keys.HealthCheckName, "db"), attribute.String(keys.HealthCheckState, stateUnhealthy),
		attribute.String(keys.HealthCheckPreviousState, stateHealthy))
	m := r.mp.Meter(keys.ScopeHealth)
	for _, name := range []string{keys.HealthCheckFlapping, keys.HealthCheckMuted} {
		_, err := m.Int64ObservableUpDownCounter(name, metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, metric.WithAttributes(attribute.String(keys.HealthCheckName, "db")))
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	h := r.healthReport()
	if len(h.Checks) != 1 || len(h.Changes) != 1 || !h.Checks[0].Flapping || !h.Checks[0].Muted || h.Checks[0].State != stateUnhealthy {
		t.Errorf("%+v", h)
	}
}

func TestHealthBoardJoinsMetricsAndEvents(t *testing.T) {
	r := newRig(t, Options{})
	r.change(t, "db", stateUnknown, stateHealthy, "")
	r.change(t, "db", stateHealthy, stateUnhealthy, "connection refused")
	r.status(t, map[string]string{"db": stateUnhealthy, "cache": stateHealthy}, stateUnhealthy)
	h := r.healthReport()
	if h.State != stateUnhealthy || len(h.Checks) != 2 || len(h.Changes) != 2 {
		t.Fatalf("%+v", h)
	}
	db := h.Checks[0]
	if db.Name != "db" || db.State != stateUnhealthy || !db.Critical || db.Since == nil || db.Message != "connection refused" ||
		db.PreviousState != stateHealthy || db.Reason != "timeout" || db.LastCompletion == nil || db.LastCompletion.Unix() != 1.75e9 {
		t.Errorf("%+v", db)
	}
	if cache := h.Checks[1]; cache.State != stateHealthy || cache.Since != nil || cache.Critical {
		t.Errorf("%+v", cache)
	}
	if h.Changes[0].State != stateUnhealthy {
		t.Errorf("changes are not newest first: %+v", h.Changes)
	}
}

func TestGaugesBeatALostEvent(t *testing.T) {
	r := newRig(t, Options{})
	r.change(t, "db", stateHealthy, stateUnhealthy, "connection refused")
	r.status(t, map[string]string{"db": stateHealthy}, "")
	h := r.healthReport()
	if db := h.Checks[0]; db.State != stateHealthy || db.Message != "" || db.Since != nil {
		t.Errorf("%+v", db)
	}
	if h.State != stateHealthy {
		t.Errorf("verdict %s", h.State)
	}
}

func TestVerdict(t *testing.T) {
	check := func(state string, critical bool) healthCheck { return healthCheck{State: state, Critical: critical} }
	for _, tc := range []struct {
		checks []healthCheck
		want   string
	}{
		{nil, stateUnknown},
		{[]healthCheck{check(stateHealthy, true)}, stateHealthy},
		{[]healthCheck{check(stateHealthy, true), check(stateUnhealthy, false)}, stateDegraded},
		{[]healthCheck{check(stateDegraded, true), check(stateUnknown, true)}, stateUnknown},
		{[]healthCheck{check(stateUnknown, true), check(stateUnhealthy, true)}, stateUnhealthy},
	} {
		if got := verdict(tc.checks); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.checks, got, tc.want)
		}
	}
}

func TestHealthHistoryIsBounded(t *testing.T) {
	r := newRig(t, Options{MaxBytes: leastBytes})
	for range 5 * r.health.max {
		r.change(t, "db", stateHealthy, "made up", "")
	}
	h := r.healthReport()
	if len(h.Changes) != r.health.max || h.Changes[0].State != stateUnknown || r.health.usage().Dropped == 0 {
		t.Errorf("%d changes of at most %d, state %q", len(h.Changes), r.health.max, h.Changes[0].State)
	}
}

func TestMessageOfACheckStaysTrueWhileItsStateLasts(t *testing.T) {
	for _, tc := range []struct{ state, reason, message, want string }{
		{stateHealthy, "", "db is healthy", ""},
		{stateUnhealthy, "hung", "has not returned for 1s, the timeout is 1s", "has not returned, the timeout is 1s"},
		{stateUnhealthy, "hung", "waits for the lock", "waits for the lock"},
		{stateUnhealthy, "error", "no route for 10.0.0.1, giving up", "no route for 10.0.0.1, giving up"},
	} {
		r := newRig(t, Options{})
		r.log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, tc.message,
			attribute.String(keys.HealthCheckName, "db"), attribute.String(keys.HealthCheckState, tc.state),
			attribute.String(keys.HealthCheckReason, tc.reason))
		h := r.healthReport()
		if got := h.Checks[0].Message; got != tc.want {
			t.Errorf("%q: %q, want %q", tc.message, got, tc.want)
		}
		if got := h.Changes[0].Message; got != tc.message {
			t.Errorf("the change itself says %q, want %q", got, tc.message)
		}
	}
}
