package e2e

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// states are the values that one export of health.check.status gave to the
// states of each check.
func states(m metric) map[string]map[string]int64 {
	checks := make(map[string]map[string]int64)
	for _, point := range m.Sum().DataPoints().All() {
		name, _ := point.Attributes().Get("health.check.name")
		state, _ := point.Attributes().Get("health.check.state")
		if checks[name.Str()] == nil {
			checks[name.Str()] = make(map[string]int64)
		}
		checks[name.Str()][state.Str()] = point.IntValue()
	}
	return checks
}

func isHealth(m metric) bool { return m.Name() == "health.check.status" }

// healthy says which check is not, by the newest export.
func (s *stack) healthy() error {
	exports := filter(s.metricsOf(codesearch), isHealth)
	if len(exports) == 0 {
		return errors.New("health.check.status did not arrive")
	}
	for name, values := range states(exports[len(exports)-1]) {
		if values["healthy"] != 1 {
			return fmt.Errorf("the check %s is not healthy: %v", name, values)
		}
	}
	return nil
}

// checkHealth: in every export, each check has all four states, exactly one of
// which is 1.
func checkHealth(t *testing.T, s *stack) {
	t.Helper()
	seen := make(map[string]bool)
	for _, m := range filter(s.metricsOf(codesearch), isHealth) {
		for name, values := range states(m) {
			seen[name] = true
			if names := slices.Sorted(maps.Keys(values)); !slices.Equal(names, []string{"degraded", "healthy", "unhealthy", "unknown"}) {
				t.Errorf("%s has the states %v", name, names)
			}
			sum := int64(0)
			for _, value := range values {
				sum += value
			}
			if sum != 1 {
				t.Errorf("%s is in %d states at once: %v", name, sum, values)
			}
		}
	}
	for _, want := range []string{"database", "index", "disk", "memory"} {
		if !seen[want] {
			t.Errorf("no check %s, only %v", want, slices.Sorted(maps.Keys(seen)))
		}
	}
}
