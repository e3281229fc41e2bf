package diagnosis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// Diagnose finds what is wrong and its most likely cause.
func Diagnose(st *store.Store, q Question) Report {
	q.Since = max(0, cmp.Or(q.Since, UsualSince))
	q.Limit = min(max(1, cmp.Or(q.Limit, UsualLimit)), MaxLimit)
	s := look(st, q)
	found := rank(s.findings())
	if q.Component != "" {
		found = slices.DeleteFunc(found, func(f *finding) bool { return !f.concerns(q.Component) })
	}
	r := Report{
		AsOf: s.now, Window: Window{From: s.now.Add(-q.Since), To: s.now}, Total: len(found),
		Findings: []Finding{}, Healthy: s.healthy(found),
	}
	r.Status = s.status(found)
	r.Telemetry = s.telemetry()
	for i, f := range found[:min(len(found), q.Limit)] {
		f.Rank = i + 1
		r.Findings = append(r.Findings, f.Finding)
	}
	r.Summary = cut(summary(&r), maxSummary)
	r.fit(q.Limit)
	return r
}

// look takes the snapshot that all rules share.
func look(st *store.Store, q Question) *snapshot {
	s := &snapshot{health: st.Health(), operations: st.Operations(store.MaxLimit).Operations}
	s.now = time.Now()
	s.from = s.now.Add(-q.Since)
	return s
}

// snapshot is what the store has, read once.
type snapshot struct {
	now, from  time.Time
	health     store.Health
	operations []store.Operation
}

// finding is a Finding on its way.
type finding struct {
	Finding
}

// rule looks for one sort of fault.
type rule func(*snapshot) []*finding

func (s *snapshot) findings() []*finding {
	var found []*finding
	for _, r := range []rule{failingChecks, flappingChecks, failedOperations} {
		found = append(found, r(s)...)
	}
	return found
}

// concerns tells whether the finding is about a component, or explains what is.
func (f *finding) concerns(component string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(component)) }
	return has(f.Component) || slices.ContainsFunc(f.Consequences, has)
}

// rank sorts the findings, the most likely cause first.
func rank(found []*finding) []*finding {
	slices.SortFunc(found, func(a, b *finding) int {
		return cmp.Or(
			weight(b.Severity)-weight(a.Severity), cmp.Compare(b.Confidence, a.Confidence),
			a.FirstSeen.Compare(b.FirstSeen), strings.Compare(a.Component, b.Component),
		)
	})
	return found
}

func weight(severity string) int { return slices.Index([]string{Info, Warning, Critical}, severity) }

// status is the service's own verdict. Where it says healthy, or nothing, the
// findings have the last word.
func (s *snapshot) status(found []*finding) string {
	switch worst := slices.MaxFunc(append(found, &finding{}), func(a, b *finding) int {
		return weight(a.Severity) - weight(b.Severity)
	}); {
	case s.health.State == store.StateUnhealthy:
		return store.StateUnhealthy
	case weight(worst.Severity) > 0:
		return store.StateDegraded
	default:
		return s.health.State
	}
}

const maxHealthy = 20

// healthy names what was looked at and is fine.
func (s *snapshot) healthy([]*finding) []string {
	names := []string{}
	for _, c := range s.health.Checks {
		if c.State == store.StateHealthy && len(names) < maxHealthy {
			names = append(names, cut(c.Name, maxComponent))
		}
	}
	slices.Sort(names)
	return names
}

func (s *snapshot) telemetry() string { return "" }

func summary(r *Report) string {
	if len(r.Findings) == 0 {
		if r.Status == store.StateUnknown {
			return "Nothing is known: no telemetry of checks has arrived."
		}
		return fmt.Sprintf("Nothing wrong was found; the service is %s.", r.Status)
	}
	first := r.Findings[0]
	text := fmt.Sprintf("%s: %s", strings.ToUpper(r.Status[:1])+r.Status[1:], first.Cause)
	if more := r.Total - 1; more > 0 {
		text += fmt.Sprintf(" %d more.", more)
	}
	return text
}
