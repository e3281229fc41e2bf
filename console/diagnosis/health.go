package diagnosis

import (
	"fmt"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// failingChecks finds checks that are not healthy.
func failingChecks(s *snapshot) []*finding {
	var found []*finding
	for i := range s.health.Checks {
		c := &s.health.Checks[i]
		if c.State != store.StateUnhealthy && c.State != store.StateDegraded {
			continue
		}
		f := s.about(c, KindCheckFailing)
		if c.Critical && c.State == store.StateUnhealthy {
			f.Severity = Critical
		}
		f.Summary = cut(fmt.Sprintf("check %s is %s: %s", c.Name, c.State, c.Message), maxText)
		f.Cause = f.Summary
		found = append(found, f)
	}
	return found
}

// flappingChecks finds checks that keep changing their state.
func flappingChecks(s *snapshot) []*finding {
	var found []*finding
	for i := range s.health.Checks {
		c := &s.health.Checks[i]
		if !c.Flapping {
			continue
		}
		f := s.about(c, KindFlapping)
		f.Summary = cut(fmt.Sprintf("check %s keeps changing its state", c.Name), maxText)
		f.Cause = f.Summary
		found = append(found, f)
	}
	return found
}

func (s *snapshot) about(c *store.Check, kind string) *finding {
	at := s.now
	if c.Since != nil {
		at = *c.Since
	}
	f := &finding{Finding{
		Kind: kind, Component: cut(c.Name, maxComponent), Severity: Warning, FirstSeen: at, Confidence: 0.9,
		Consequences: []string{}, Evidence: []Evidence{checkEvidence(c, at)},
		Next: []Step{{Tool: "get_status", Arguments: map[string]any{"component": cut(c.Name, maxComponent)}, Reason: "the check with its history"}},
	}}
	if c.TraceID != "" {
		f.Evidence = append(f.Evidence, Evidence{
			Type: ByTrace, Ref: c.TraceID, Value: store.Unknown(), Baseline: store.Unknown(), At: at, Text: "the execution that changed the state",
		})
	}
	return f
}

func checkEvidence(c *store.Check, at time.Time) Evidence {
	return Evidence{
		Type: ByCheck, Ref: cut(c.Name, maxRef), Value: store.Unknown(), Baseline: store.Unknown(), At: at,
		Text: cut(c.State+": "+c.Message, maxText),
	}
}
