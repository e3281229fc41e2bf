package console

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
	stateHealthy   = "healthy"
	stateDegraded  = "degraded"
	stateUnhealthy = "unhealthy"
	stateUnknown   = "unknown"
)

// healthCheck is one check as it stands.
type healthCheck struct {
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
	P95            number     `json:"p95_seconds"` // of all executions
	TraceID        string     `json:"trace_id"`    // of the execution that changed the state
}

// healthChange is one transition of a check.
type healthChange struct {
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
	maxChecksShare    = 4 // one in so many entries is a check, the rest history
)

// healthTable keeps the last change of each check, and a history of changes.
type healthTable struct {
	mu        sync.Mutex
	last      map[string]healthChange
	history   []healthChange // oldest first
	maxChecks int
	max       int
	dropped   uint64
}

func newHealthTable(budget int) *healthTable {
	entries := budget / healthChangeBytes
	return &healthTable{
		last: map[string]healthChange{}, maxChecks: entries / maxChecksShare, max: entries - entries/maxChecksShare,
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
	c := healthChange{Time: cmp.Or(r.Timestamp(), r.ObservedTimestamp()), TraceID: hexID(traceBytes(r))}
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		switch string(kv.Key) {
		case keys.HealthCheckName:
			c.Name = cleanLine(textOf(kv.Value, maxFact))
		case keys.HealthCheckState:
			c.State = stateWord(kv.Value.String())
		case keys.HealthCheckPreviousState:
			c.PreviousState = stateWord(kv.Value.String())
		case keys.HealthCheckCritical:
			c.Critical = kv.Value.Type() == attribute.BOOL && kv.Value.AsBool()
		case keys.HealthCheckReason:
			c.Reason = textOf(kv.Value, maxFact)
		case keys.HealthCheckMessage:
			c.Message = textOf(kv.Value, maxFact)
		}
		return true
	})
	if c.Message == "" {
		c.Message = textOf(r.Body(), maxFact)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.last[c.Name]; known || len(t.last) < t.maxChecks {
		t.last[c.Name] = c
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
func (c healthChange) standing() string {
	if c.State == stateHealthy {
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
	for _, state := range []string{stateHealthy, stateDegraded, stateUnhealthy} {
		if s == state {
			return state
		}
	}
	return stateUnknown
}

type healthReport struct {
	AsOf    time.Time      `json:"as_of"`
	State   string         `json:"state"`   // of the service
	Checks  []healthCheck  `json:"checks"`  // the worst first
	Changes []healthChange `json:"changes"` // newest first
}

func (c *Console) healthReport() healthReport {
	c.metrics.fresh()
	checks, changes := c.health.snapshot()
	c.readHealthMetrics(checks)
	report := healthReport{AsOf: time.Now(), State: c.serviceState(), Checks: []healthCheck{}, Changes: changes}
	for _, check := range checks {
		report.Checks = append(report.Checks, *check)
	}
	slices.SortFunc(report.Checks, func(a, b healthCheck) int {
		return cmp.Or(severity(b.State)-severity(a.State), strings.Compare(a.Name, b.Name))
	})
	if report.State == "" {
		report.State = verdict(report.Checks)
	}
	return report
}

// snapshot returns what the events told.
func (t *healthTable) snapshot() (map[string]*healthCheck, []healthChange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	checks := map[string]*healthCheck{}
	for name, c := range t.last {
		checks[name] = &healthCheck{
			Name: name, State: c.State, Critical: c.Critical, Since: &c.Time, PreviousState: c.PreviousState,
			Reason: c.Reason, Message: c.standing(), TraceID: c.TraceID, P95: unknown(),
		}
	}
	changes := make([]healthChange, 0, len(t.history))
	for _, c := range slices.Backward(t.history) {
		changes = append(changes, c)
	}
	return checks, changes
}

// readHealthMetrics brings the checks up to date: gauges are read now, while
// an event may be older than the store or lost.
func (c *Console) readHealthMetrics(checks map[string]*healthCheck) {
	at := func(s metricSeries) *healthCheck {
		name := s.Attributes.get(keys.HealthCheckName)
		if checks[name] == nil {
			checks[name] = &healthCheck{Name: name, State: stateUnknown, P95: unknown()}
		}
		return checks[name]
	}
	for _, s := range c.metrics.named(keys.HealthCheckStatus) {
		check := at(s)
		check.Critical = s.Attributes.get(keys.HealthCheckCritical) == "true"
		state := stateWord(s.Attributes.get(keys.HealthCheckState))
		if s.Value != 1 || state == check.State || (check.Since != nil && check.Since.After(s.at)) {
			continue
		}
		*check = healthCheck{Name: check.Name, State: state, Critical: check.Critical, P95: unknown()}
	}
	for _, s := range c.metrics.named(keys.HealthCheckFlapping) {
		at(s).Flapping = s.Value == 1
	}
	for _, s := range c.metrics.named(keys.HealthCheckMuted) {
		at(s).Muted = s.Value == 1
	}
	for _, s := range c.metrics.named(keys.HealthCheckLastCompletion) {
		at(s).LastCompletion = unixTime(s.Value)
	}
	for _, s := range c.metrics.named(keys.HealthCheckLastSuccess) {
		at(s).LastSuccess = unixTime(s.Value)
	}
	for _, s := range c.metrics.named(keys.HealthCheckDuration) {
		if check := at(s); s.P95 > check.P95 || !check.P95.known() {
			check.P95 = s.P95
		}
	}
}

func unixTime(seconds number) *time.Time {
	if !seconds.known() || seconds <= 0 {
		return nil
	}
	t := time.UnixMilli(int64(seconds * 1000)).UTC()
	return &t
}

// serviceState returns the service's own verdict, empty when it has none.
func (c *Console) serviceState() string {
	for _, s := range c.metrics.named(keys.HealthStatus) {
		if s.Value == 1 {
			return stateWord(s.Attributes.get(keys.HealthState))
		}
	}
	return ""
}

// verdict is the worst of the checks, where one that is not critical degrades
// the service at most.
func verdict(checks []healthCheck) string {
	worst := stateHealthy
	if len(checks) == 0 {
		return stateUnknown
	}
	for _, c := range checks {
		state := c.State
		if state != stateHealthy && !c.Critical {
			state = stateDegraded
		}
		if severity(state) > severity(worst) {
			worst = state
		}
	}
	return worst
}

// severity orders states, the worst last.
func severity(state string) int {
	return slices.Index([]string{stateHealthy, stateDegraded, stateUnknown, stateUnhealthy}, state)
}

func (t *healthTable) usage() usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.last) + len(t.history)
	return usage{
		Name: "health changes", Kept: n, Dropped: t.dropped,
		Bytes: n * healthChangeBytes, MaxBytes: (t.max + t.maxChecks) * healthChangeBytes,
	}
}
