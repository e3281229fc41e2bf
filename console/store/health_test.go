package store

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// The beginning of flapping is a change like any other, and what the gauges say
// of a check stands beside its name.
func TestFlappingAndMutedChecks(t *testing.T) {
	r := newRig(t, 0)
	r.Log(t.Context(), log.SeverityError, keys.EventHealthFlappingStarted, "db keeps changing its state",
		attribute.String(keys.HealthCheckName, "db"), attribute.String(keys.HealthCheckState, StateUnhealthy),
		attribute.String(keys.HealthCheckPreviousState, StateHealthy))
	m := r.MP.Meter(keys.ScopeHealth)
	for _, name := range []string{keys.HealthCheckFlapping, keys.HealthCheckMuted} {
		_, err := m.Int64ObservableUpDownCounter(name, metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, metric.WithAttributes(attribute.String(keys.HealthCheckName, "db")))
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	h := r.Health()
	if len(h.Checks) != 1 || len(h.Changes) != 1 || !h.Checks[0].Flapping || !h.Checks[0].Muted || h.Checks[0].State != StateUnhealthy {
		t.Errorf("%+v", h)
	}
}

func TestHealthBoardJoinsMetricsAndEvents(t *testing.T) {
	r := newRig(t, 0)
	r.Change(t, "db", StateUnknown, StateHealthy, "")
	r.Change(t, "db", StateHealthy, StateUnhealthy, "connection refused")
	r.Status(t, map[string]string{"db": StateUnhealthy, "cache": StateHealthy}, StateUnhealthy)
	h := r.Health()
	if h.State != StateUnhealthy || len(h.Checks) != 2 || len(h.Changes) != 2 {
		t.Fatalf("%+v", h)
	}
	db := h.Checks[0]
	if db.Name != "db" || db.State != StateUnhealthy || !db.Critical || db.Since == nil || db.Message != "connection refused" ||
		db.PreviousState != StateHealthy || db.Reason != "timeout" || db.LastCompletion == nil || db.LastCompletion.Unix() != 1.75e9 {
		t.Errorf("%+v", db)
	}
	if cache := h.Checks[1]; cache.State != StateHealthy || cache.Since != nil || cache.Critical {
		t.Errorf("%+v", cache)
	}
	if h.Changes[0].State != StateUnhealthy {
		t.Errorf("changes are not newest first: %+v", h.Changes)
	}
}

func TestGaugesBeatALostEvent(t *testing.T) {
	r := newRig(t, 0)
	r.Change(t, "db", StateHealthy, StateUnhealthy, "connection refused")
	r.Status(t, map[string]string{"db": StateHealthy}, "")
	h := r.Health()
	if db := h.Checks[0]; db.State != StateHealthy || db.Message != "" || db.Since != nil {
		t.Errorf("%+v", db)
	}
	if h.State != StateHealthy {
		t.Errorf("verdict %s", h.State)
	}
}

func TestVerdict(t *testing.T) {
	check := func(state string, critical bool) Check { return Check{State: state, Critical: critical} }
	for _, tc := range []struct {
		checks []Check
		want   string
	}{
		{nil, StateUnknown},
		{[]Check{check(StateHealthy, true)}, StateHealthy},
		{[]Check{check(StateHealthy, true), check(StateUnhealthy, false)}, StateDegraded},
		{[]Check{check(StateDegraded, true), check(StateUnknown, true)}, StateUnknown},
		{[]Check{check(StateUnknown, true), check(StateUnhealthy, true)}, StateUnhealthy},
	} {
		if got := verdict(tc.checks); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.checks, got, tc.want)
		}
	}
}

func TestHealthHistoryIsBounded(t *testing.T) {
	r := newRig(t, leastBytes)
	for range 5 * r.health.max {
		r.Change(t, "db", StateHealthy, "made up", "")
	}
	h := r.Health()
	if len(h.Changes) != r.health.max || h.Changes[0].State != StateUnknown || r.health.usage().Dropped == 0 {
		t.Errorf("%d changes of at most %d, state %q", len(h.Changes), r.health.max, h.Changes[0].State)
	}
}

func TestMessageOfACheckStaysTrueWhileItsStateLasts(t *testing.T) {
	for _, tc := range []struct{ state, reason, message, want string }{
		{StateHealthy, "", "db is healthy", ""},
		{StateUnhealthy, "hung", "has not returned for 1s, the timeout is 1s", "has not returned, the timeout is 1s"},
		{StateUnhealthy, "hung", "waits for the lock", "waits for the lock"},
		{StateUnhealthy, "error", "no route for 10.0.0.1, giving up", "no route for 10.0.0.1, giving up"},
	} {
		r := newRig(t, 0)
		r.Log(t.Context(), log.SeverityError, keys.EventHealthStateChanged, tc.message,
			attribute.String(keys.HealthCheckName, "db"), attribute.String(keys.HealthCheckState, tc.state),
			attribute.String(keys.HealthCheckReason, tc.reason))
		h := r.Health()
		if got := h.Checks[0].Message; got != tc.want {
			t.Errorf("%q: %q, want %q", tc.message, got, tc.want)
		}
		if got := h.Changes[0].Message; got != tc.message {
			t.Errorf("the change itself says %q, want %q", got, tc.message)
		}
	}
}
