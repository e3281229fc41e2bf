package diagnosis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// Diagnose finds what is wrong and its most likely cause.
func Diagnose(st *store.Store, q Question) Report {
	q.Since = max(0, cmp.Or(q.Since, UsualSince))
	q.Limit = min(max(1, cmp.Or(q.Limit, UsualLimit)), MaxLimit)
	s := look(st, q)
	found := s.causes(s.findings())
	if q.Component != "" {
		found = slices.DeleteFunc(found, func(f *finding) bool { return !f.concerns(q.Component) })
	}
	r := Report{
		AsOf: s.now, Window: Window{From: s.from, To: s.now}, Total: len(found), Status: s.status(found),
		Findings: []Finding{}, Healthy: s.healthy(found), Telemetry: cut(s.delivery.Reason, maxText),
	}
	found = found[:min(len(found), q.Limit)]
	if len(found) > 0 {
		s.blameStart(found[0])
	}
	since := s.now
	for _, f := range found {
		if f.group != nil && f.FirstSeen.Before(since) {
			since = f.FirstSeen
		}
	}
	if since.Before(s.now) {
		s.quote(found, st.Patterns(store.LogQuery{Level: "error", Since: since}).Patterns)
	}
	for i, f := range found {
		f.Rank = i + 1
		r.Findings = append(r.Findings, f.Finding)
	}
	r.Summary = cut(s.summary(&r), maxSummary)
	r.fit(q.Limit)
	return r
}

// snapshot is what the store has, read once.
type snapshot struct {
	now, from   time.Time
	started     time.Time // when the program did
	settled     time.Time // what is usual is learnt from then on
	version     string
	health      store.Health
	operations  []store.Operation
	delivery    store.Delivery
	runtime     store.Runtime
	instruments []store.Instrument
	hours       store.History // of the items of bulk operations
	traffic     *traffic
	storeBytes  int
}

// A start is no usual time: calls fail until what is called is there, caches
// are empty, and everything grows. It is left out once there is as much and more
// to go by.
const (
	starts       = time.Minute
	leastSettled = 3 * time.Minute
)

func look(st *store.Store, q Question) *snapshot {
	s := &snapshot{
		health: st.Health(), operations: st.Operations(store.MaxLimit).Operations, delivery: st.Delivery(),
		runtime: st.Runtime(), instruments: st.Instruments(wanted),
	}
	if len(s.operations) > 0 {
		s.hours = st.History(store.HistoryQuery{Name: keys.BulkItems, Window: 6 * time.Hour, Limit: store.MaxSeries})
	}
	spans := 0
	for _, u := range st.Usage() {
		s.storeBytes += u.MaxBytes
		if strings.HasPrefix(u.Name, "spans") {
			spans += u.Kept
		}
	}
	s.now = time.Now().UTC()
	s.started, s.version = st.Started()
	if s.now.Sub(s.started) > leastSettled {
		s.settled = s.started.Add(starts)
	}
	s.from = s.now.Add(-q.Since)
	// What is usual is learnt from before a short window, too.
	s.traffic = readSpans(st, s.now.Add(-max(q.Since, UsualSince)), s.settled, s.now, spans)
	s.traffic.judge()
	return s
}

// rule looks for one sort of fault.
type rule func(*snapshot) []*finding

// findings returns what the rules find, whatever explains it.
func (s *snapshot) findings() []*finding {
	var found []*finding
	for _, r := range []rule{
		failingChecks, flappingChecks, slowOrFailing, nPlusOne, heldLock, neverEnded, exhaustedPools, leaks, busyCPU,
		fillingQueues, stalledOperations, failingItems, failedOperations, stuckTelemetry, panics, clockSkew,
	} {
		found = append(found, r(s)...)
	}
	return found
}

// span is so many seconds.
func (s *snapshot) span(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}

// concerns tells whether the finding is about a component, or explains what is.
func (f *finding) concerns(component string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(component)) }
	return has(f.Component) || slices.ContainsFunc(f.Consequences, has) || (f.group != nil && has(f.group.name))
}

// blameStart adds the version that started when the finding began, as far as spans
// and checks know that: where a growth began is a guess.
func (s *snapshot) blameStart(f *finding) {
	if s.version != "" && (f.group != nil || f.check != nil) && s.fromStart(f.FirstSeen) {
		f.show(ByStart, s.version, s.started, "it has been so since about when version "+s.version+" started", "", math.NaN(), math.NaN())
	}
}

// fromStart tells whether something was so when the program started.
func (s *snapshot) fromStart(first time.Time) bool { return first.Before(s.started.Add(starts + soon)) }

// status is the service's own verdict. Where it says healthy, or nothing, the
// findings have the last word.
func (s *snapshot) status(found []*finding) string {
	worst := 0
	for _, f := range found {
		worst = max(worst, weight(f.Severity))
	}
	known := s.health.State != store.StateUnknown && s.health.State != ""
	switch {
	case s.health.State == store.StateUnhealthy || (!known && worst == weight(Critical)):
		return store.StateUnhealthy
	case worst > weight(Info):
		return store.StateDegraded
	case !known && len(s.traffic.spans)+len(s.instruments) > 0:
		return store.StateHealthy
	default:
		return cmp.Or(s.health.State, store.StateUnknown)
	}
}

const maxHealthy = 20

// healthy names what was looked at and is fine: checks, dependencies and
// operations that run.
func (s *snapshot) healthy(found []*finding) []string {
	var names []string
	for _, c := range s.health.Checks {
		if c.State == store.StateHealthy && !c.Flapping {
			names = append(names, cut(c.Name, maxComponent))
		}
	}
	for _, g := range s.traffic.groups {
		if g.peer != nil && g.bad == 0 && len(g.spans) >= leastBefore {
			names = append(names, cut(g.name, maxComponent))
		}
	}
	for _, o := range s.operations {
		if o.Ended == nil {
			names = append(names, cut(o.Name, maxComponent))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return name == "" || slices.ContainsFunc(found, func(f *finding) bool { return f.concerns(name) })
	})
	slices.Sort(names)
	names = slices.Compact(names)
	return append([]string{}, names[:min(len(names), maxHealthy)]...)
}

func (s *snapshot) summary(r *Report) string {
	if len(r.Findings) == 0 {
		if r.Status == store.StateUnknown {
			return "Nothing is known: no checks, spans or metrics have arrived."
		}
		return fmt.Sprintf("Nothing wrong was found; the service is %s.", r.Status)
	}
	first := r.Findings[0]
	text := fmt.Sprintf("The service is %s. Most likely cause: %s.", r.Status, strings.TrimSuffix(first.Cause, "."))
	if n := len(first.Consequences); n > 0 {
		text += fmt.Sprintf(" It explains %s", first.Consequences[0])
		if n > 1 {
			text += fmt.Sprintf(" and %d more", n-1)
		}
		text += "."
	}
	if more := r.Total - 1; more > 0 {
		text += fmt.Sprintf(" Other findings: %d.", more)
	}
	return text
}
