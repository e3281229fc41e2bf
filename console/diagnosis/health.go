package diagnosis

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/otelmon/otelmon-go/console/store"
)

// unreachable is how errors say that something outside cannot be reached, and
// noSpace that a disk is full.
var (
	unreachable = regexp.MustCompile(`(?i)connection (refused|reset)|no such host|no route to host|unreachable|i/o timeout|deadline exceeded|broken pipe|\bEOF\b|\bdial\b|\bunavailable\b|bad connection`)
	noSpace     = regexp.MustCompile(`(?i)no space left|\bENOSPC\b|disk (is )?full|disk space of|inodes of|quota exceeded|not enough (disk )?space|could not extend file`)
)

// failingChecks finds checks that are not healthy.
func failingChecks(s *snapshot) []*finding {
	var found []*finding
	for i := range s.health.Checks {
		c := &s.health.Checks[i]
		if c.Flapping || (c.State != store.StateUnhealthy && c.State != store.StateDegraded) {
			continue
		}
		text := fmt.Sprintf("check %s is %s: %s", c.Name, c.State, cmp.Or(c.Message, c.Reason, "no reason is known"))
		f := s.aboutCheck(c, KindCheckFailing, text, text)
		switch {
		case noSpace.MatchString(c.Message):
			f.Kind, f.Cause = KindDiskFull, cut(fmt.Sprintf("the disk is full: %s", c.Message), maxText)
		case c.State == store.StateUnhealthy && (unreachable.MatchString(c.Message) || c.Reason == "timeout" || c.Reason == "hung"):
			f.Kind, f.Cause = KindDependencyDown, cut(fmt.Sprintf("%s is down or out of reach: %s", c.Name, c.Message), maxText)
		}
		if c.Critical && c.State == store.StateUnhealthy {
			f.Severity = Critical
		}
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
		changes := 0
		for _, change := range s.health.Changes {
			if change.Name == c.Name && change.Time.After(s.from) {
				changes++
			}
		}
		f := s.aboutCheck(c, KindFlapping, fmt.Sprintf("check %s keeps changing its state", c.Name),
			fmt.Sprintf("%s comes and goes: an unstable connection, or a limit of the check that is too close to what is usual", c.Name))
		if !c.Critical {
			f.Severity = Info
		}
		f.Evidence[0].Value, f.seen = store.Number(changes), changes
		found = append(found, f)
	}
	return found
}

func (s *snapshot) aboutCheck(c *store.Check, kind, what, why string) *finding {
	at := s.now
	if c.Since != nil {
		at = *c.Since
	}
	f := find(kind, c.Name, at, 0.9, what, why)
	f.check, f.said = c, c.Message
	f.show(ByCheck, c.Name, at, c.State+": "+c.Message, "", math.NaN(), math.NaN())
	if c.TraceID != "" {
		f.show(ByTrace, c.TraceID, at, "the execution that changed the state", "", math.NaN(), math.NaN())
	}
	f.ask("get_status", "the check with its history", "component", c.Name)
	return f
}

// stuckTelemetry finds destinations that telemetry does not reach.
func stuckTelemetry(s *snapshot) []*finding {
	var found []*finding
	for _, a := range s.delivery.Accounts {
		kind := KindTelemetryStuck
		if a.Verdict == store.DeliveryLosing {
			kind = KindTelemetryLost
		} else if a.Verdict != store.DeliveryFailing {
			continue
		}
		ref := fmt.Sprintf("otelmon.telemetry.pending{otelmon.telemetry.destination=%s, otelmon.telemetry.signal=%s}", a.Destination, a.Signal)
		if len(ref) > maxRef {
			ref = "otelmon.telemetry.pending"
		}
		i := slices.IndexFunc(found, func(f *finding) bool { return f.Component == cut(a.Destination, maxComponent) })
		if i < 0 {
			i = len(found)
			found = append(found, find(kind, a.Destination, s.now.Add(-s.span(float64(max(0, a.Oldest)))), 0.85,
				fmt.Sprintf("telemetry does not reach %s: %s", a.Destination, a.Reason),
				fmt.Sprintf("the destination %s takes no telemetry: it is down, out of reach, or refuses it", a.Destination)))
			found[i].ask("query_metrics", "what was delivered, waits and was lost", "match", "otelmon.telemetry")
		}
		f := found[i]
		if kind == KindTelemetryLost {
			f.Kind = kind
			f.Cause = cut(fmt.Sprintf("telemetry for %s is lost: %s", a.Destination, a.Reason), maxText)
		}
		f.show(ByDelivery, ref, s.now, a.Reason, "{item}", float64(a.Pending), math.NaN())
	}
	return found
}
