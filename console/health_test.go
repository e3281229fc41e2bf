package console

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// Who reads the page without scripts, or hears it, learns which check is the cause
// and which follow from it.
func TestHealthBoardShowsDependencies(t *testing.T) {
	r := newRig(t, Options{})
	r.Change(t, "postgres", store.StateHealthy, store.StateUnhealthy, "refused")
	r.Change(t, "orders", store.StateHealthy, store.StateUnhealthy, "no database", "postgres", "queue")
	r.Change(t, "queue", store.StateUnknown, store.StateHealthy, "")
	tags := regexp.MustCompile(`<[^>]*>`)
	for _, target := range []string{"/", "/health"} {
		page := get(r.Handler(), target).Body.String()
		text := tags.ReplaceAllString(page, "")
		for _, want := range []string{"Root cause, explains orders\n", "Because of postgres\n", "Depends on postgres, queue\n"} {
			if strings.Count(text, want) != 1 {
				t.Errorf("%s says %q %d times", target, want, strings.Count(text, want))
			}
		}
		if !strings.Contains(page, `health#check-postgres">postgres</a>`) {
			t.Errorf("%s has no link to the cause", target)
		}
	}
	answer := get(r.Handler(), "/api/health").Body.String()
	for _, want := range []string{`"depends_on":["postgres","queue"],"suppressed_by":"postgres","explains":[]`, `"depends_on":[],"suppressed_by":"","explains":["orders"]`} {
		if !strings.Contains(answer, want) {
			t.Errorf("no %s in %s", want, answer)
		}
	}
}

func TestStripTellsThePastOfACheck(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	change := func(minutes int, from, to string) store.Change {
		return store.Change{Name: "db", Time: at(minutes), PreviousState: from, State: to}
	}
	for name, tc := range map[string]struct {
		started int      // minutes ago
		changes []string // newest first, "minutes from to"
		want    string
	}{
		"never changed":         {200, nil, "0+1000 healthy"},
		"changed long ago":      {200, []string{"90 unhealthy healthy"}, "0+1000 healthy"},
		"one outage":            {200, []string{"15 unhealthy healthy", "30 healthy unhealthy"}, "0+500 healthy, 500+250 unhealthy, 750+250 healthy"},
		"began before":          {200, []string{"30 unhealthy healthy", "90 healthy unhealthy"}, "0+500 unhealthy, 500+500 healthy"},
		"unknown at the start":  {30, []string{"15 - healthy"}, "0+500 unknown, 500+500 healthy"},
		"changed at the start":  {30, []string{"30 unknown healthy"}, "0+1000 healthy"},
		"a change of the clock": {30, []string{"15 unhealthy healthy", "10 healthy unhealthy"}, "0+667 healthy, 667+333 healthy"},
	} {
		var changes []store.Change
		for _, text := range tc.changes {
			var minutes int
			var from, to string
			if _, err := fmt.Sscan(text, &minutes, &from, &to); err != nil {
				t.Fatal(err)
			}
			changes = append(changes, change(minutes, strings.Trim(from, "-"), to))
		}
		h := healthOf(store.Health{AsOf: now.Add(-stripStep), Checks: []store.Check{{Name: "db", State: store.StateHealthy}}, Changes: changes}, at(tc.started))
		var got []string
		for _, p := range h.Rows[0].Strip {
			got = append(got, fmt.Sprintf("%.0f+%.0f %s", p.X, p.W, p.State))
		}
		if s := strings.Join(got, ", "); s != tc.want {
			t.Errorf("%s: %s, want %s", name, s, tc.want)
		}
	}
}
