package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// States of a check and of the service.
const (
	StateHealthy   = "healthy"
	StateDegraded  = "degraded"
	StateUnhealthy = "unhealthy"
	StateUnknown   = "unknown"
)

// Check is one check as it stands.
type Check struct {
	Name           string     `json:"name"`
	State          string     `json:"state"` // healthy, degraded, unhealthy, unknown
	Critical       bool       `json:"critical"`
	Flapping       bool       `json:"flapping"`
	Muted          bool       `json:"muted"` // explained by another check, paused or in maintenance
	Since          *time.Time `json:"since"` // null when the change was not seen
	PreviousState  string     `json:"previous_state"`
	Reason         string     `json:"reason"`
	Message        string     `json:"message"` // empty while healthy
	LastCompletion *time.Time `json:"last_completion"`
	LastSuccess    *time.Time `json:"last_success"`
	P95            Number     `json:"p95_seconds"`   // of all executions
	TraceID        string     `json:"trace_id"`      // of the execution that changed the state
	DependsOn      []string   `json:"depends_on"`    // checks, by name; empty also when that was not told
	SuppressedBy   string     `json:"suppressed_by"` // the failing check that explains this one's failure
	Explains       []string   `json:"explains"`      // the failing checks that this one explains
}

// Change is one transition of a check.
type Change struct {
	Time          time.Time `json:"time"`
	Name          string    `json:"name"`
	State         string    `json:"state"`
	PreviousState string    `json:"previous_state"`
	Critical      bool      `json:"critical"`
	Reason        string    `json:"reason"`
	Message       string    `json:"message"`
	TraceID       string    `json:"trace_id"`
}

// Limits of the health table.
const (
	healthChangeBytes = 5 * maxFact
	maxChecksShare    = 4 // one in so many entries is a check, one its dependencies, the rest history
	maxDependencies   = 32
	maxDependency     = 64 // bytes of a name, of which package health allows 63
)

// healthTable keeps the last change of each check, and a history of changes.
type healthTable struct {
	mu        sync.Mutex
	last      map[string]Change
	dependsOn map[string][]string // of the checks in last
	history   []Change            // oldest first
	maxChecks int
	max       int
	dropped   uint64
}

func newHealthTable(budget int) *healthTable {
	entries := budget / healthChangeBytes
	return &healthTable{
		last: map[string]Change{}, dependsOn: map[string][]string{}, maxChecks: entries / maxChecksShare, max: entries - 2*(entries/maxChecksShare),
	}
}

func isHealthEvent(name string) bool {
	switch name {
	case keys.EventHealthStateChanged, keys.EventHealthFlappingStarted, keys.EventHealthFlappingEnded:
		return true
	}
	return false
}

// changed takes in an event of package health.
func (t *healthTable) changed(r *sdklog.Record) {
	c := Change{Time: cmp.Or(r.Timestamp(), r.ObservedTimestamp()), TraceID: hexID(traceBytes(r))}
	var dependsOn []string
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		switch string(kv.Key) {
		case keys.HealthCheckName:
			c.Name = CleanLine(textOf(kv.Value))
		case keys.HealthCheckState:
			c.State = stateWord(kv.Value.String())
		case keys.HealthCheckPreviousState:
			c.PreviousState = stateWord(kv.Value.String())
		case keys.HealthCheckCritical:
			c.Critical = kv.Value.Type() == attribute.BOOL && kv.Value.AsBool()
		case keys.HealthCheckReason:
			c.Reason = textOf(kv.Value)
		case keys.HealthCheckMessage:
			c.Message = textOf(kv.Value)
		case keys.HealthCheckDependencies:
			dependsOn = namesOf(kv.Value)
		}
		return true
	})
	if c.Message == "" {
		c.Message = textOf(r.Body())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.last[c.Name]; known || len(t.last) < t.maxChecks {
		t.last[c.Name] = c
		t.dependsOn[c.Name] = dependsOn
	} else {
		t.dropped++
	}
	if len(t.history) >= t.max {
		t.history = slices.Delete(t.history, 0, 1)
		t.dropped++
	}
	t.history = append(t.history, c)
}

// standing returns the part of the message that stays true while the state
// lasts: nothing when all is well, and not for how long a hung check had been
// out when it was found.
func (c Change) standing() string {
	if c.State == StateHealthy {
		return ""
	}
	if before, after, ok := strings.Cut(c.Message, " for "); ok && c.Reason == "hung" {
		if _, rest, ok := strings.Cut(after, ", "); ok {
			return before + ", " + rest
		}
	}
	return c.Message
}

// stateWord maps what is no state to unknown.
func stateWord(s string) string {
	for _, state := range []string{StateHealthy, StateDegraded, StateUnhealthy} {
		if s == state {
			return state
		}
	}
	return StateUnknown
}

// Health is the state of the service and its checks.
type Health struct {
	AsOf    time.Time `json:"as_of"`
	State   string    `json:"state"`   // of the service
	Checks  []Check   `json:"checks"`  // the worst first, of these the causes of others
	Changes []Change  `json:"changes"` // newest first
}

// Health returns the state of the service and its checks.
func (st *Store) Health() Health {
	st.metrics.fresh()
	checks, changes := st.health.snapshot()
	st.readHealthMetrics(checks)
	explain(checks)
	report := Health{AsOf: time.Now(), State: st.serviceState(), Checks: []Check{}, Changes: changes}
	for _, check := range checks {
		report.Checks = append(report.Checks, *check)
	}
	slices.SortFunc(report.Checks, func(a, b Check) int {
		return cmp.Or(severity(b.State)-severity(a.State), len(b.Explains)-len(a.Explains), strings.Compare(a.Name, b.Name))
	})
	if report.State == "" {
		report.State = verdict(report.Checks)
	}
	return report
}

// snapshot returns what the events told.
func (t *healthTable) snapshot() (map[string]*Check, []Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	checks := map[string]*Check{}
	for name, c := range t.last {
		checks[name] = &Check{
			Name: name, State: c.State, Critical: c.Critical, Since: &c.Time, PreviousState: c.PreviousState,
			Reason: c.Reason, Message: c.standing(), TraceID: c.TraceID, P95: Unknown(), DependsOn: t.dependsOn[name],
		}
	}
	changes := make([]Change, 0, len(t.history))
	for _, c := range slices.Backward(t.history) {
		changes = append(changes, c)
	}
	return checks, changes
}

// readHealthMetrics brings the checks up to date: gauges are read now, while
// an event may be older than the store or lost.
func (st *Store) readHealthMetrics(checks map[string]*Check) {
	at := func(s Series) *Check {
		name := s.Attributes.Get(keys.HealthCheckName)
		if checks[name] == nil {
			checks[name] = &Check{Name: name, State: StateUnknown, P95: Unknown()}
		}
		return checks[name]
	}
	for _, s := range st.metrics.named(keys.HealthCheckStatus) {
		check := at(s)
		check.Critical = s.Attributes.Get(keys.HealthCheckCritical) == "true"
		state := stateWord(s.Attributes.Get(keys.HealthCheckState))
		if s.Value != 1 || state == check.State || (check.Since != nil && check.Since.After(s.at)) {
			continue
		}
		*check = Check{Name: check.Name, State: state, Critical: check.Critical, P95: Unknown(), DependsOn: check.DependsOn}
	}
	for _, s := range st.metrics.named(keys.HealthCheckFlapping) {
		at(s).Flapping = s.Value == 1
	}
	for _, s := range st.metrics.named(keys.HealthCheckMuted) {
		at(s).Muted = s.Value == 1
	}
	for _, s := range st.metrics.named(keys.HealthCheckLastCompletion) {
		at(s).LastCompletion = unixTime(s.Value)
	}
	for _, s := range st.metrics.named(keys.HealthCheckLastSuccess) {
		at(s).LastSuccess = unixTime(s.Value)
	}
	for _, s := range st.metrics.named(keys.HealthCheckDuration) {
		if check := at(s); s.P95 > check.P95 || !check.P95.Known() {
			check.P95 = s.P95
		}
	}
}

func unixTime(seconds Number) *time.Time {
	if !seconds.Known() || seconds <= 0 {
		return nil
	}
	t := time.UnixMilli(int64(seconds * 1000)).UTC()
	return &t
}

// serviceState returns the service's own verdict, empty when it has none.
func (st *Store) serviceState() string {
	for _, s := range st.metrics.named(keys.HealthStatus) {
		if s.Value == 1 {
			return stateWord(s.Attributes.Get(keys.HealthState))
		}
	}
	return ""
}

// verdict is the worst of the checks, where one that is not critical degrades
// the service at most.
func verdict(checks []Check) string {
	worst := StateHealthy
	if len(checks) == 0 {
		return StateUnknown
	}
	for _, c := range checks {
		state := c.State
		if state != StateHealthy && !c.Critical {
			state = StateDegraded
		}
		if severity(state) > severity(worst) {
			worst = state
		}
	}
	return worst
}

// severity orders states, the worst last.
func severity(state string) int {
	return slices.Index([]string{StateHealthy, StateDegraded, StateUnknown, StateUnhealthy}, state)
}

func (t *healthTable) usage() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 2*len(t.last) + len(t.history)
	return Usage{
		Name: "health changes", Kept: len(t.last) + len(t.history), Dropped: t.dropped,
		Bytes: n * healthChangeBytes, MaxBytes: (t.max + 2*t.maxChecks) * healthChangeBytes,
	}
}
