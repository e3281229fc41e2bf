package diagnosis

import (
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// Limits of a [Question].
const (
	UsualSince = 15 * time.Minute
	UsualLimit = 5
	MaxLimit   = 10
)

// Question says what to look at. The zero value asks for the five most likely
// causes of what is wrong anywhere in the last 15 minutes.
type Question struct {
	Component string        // a check, dependency, operation, endpoint or destination; empty: all
	Since     time.Duration // how far back to look; 0 means 15 minutes
	Limit     int           // findings at most; 0 means 5, more than 10 counts as 10
}

// Report is the answer to a [Question]. Its JSON is at most 16 kB long with the
// usual limit of findings, and 24 kB with the highest.
type Report struct {
	Status    string    `json:"status"`  // healthy, degraded, unhealthy, unknown
	Summary   string    `json:"summary"` // at most 400 characters
	AsOf      time.Time `json:"as_of"`
	Window    Window    `json:"window"`
	Findings  []Finding `json:"findings"` // the most likely cause first
	Total     int       `json:"total"`    // findings there are
	Truncated bool      `json:"truncated"`
	Healthy   []string  `json:"healthy"`   // what was looked at and is fine, by name, at most 20
	Telemetry string    `json:"telemetry"` // whether telemetry reaches its destinations, in a sentence
}

// Window is the time that was looked at.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Severities of a [Finding].
const (
	Critical = "critical" // what the program is for fails
	Warning  = "warning"  // it is slower, or will fail
	Info     = "info"     // worth knowing
)

// Finding is one fault with its likely cause.
type Finding struct {
	Rank         int          `json:"rank"` // from 1 on
	Kind         string       `json:"kind"` // one of Kinds
	Component    string       `json:"component"`
	Severity     string       `json:"severity"`
	FirstSeen    time.Time    `json:"first_seen"`
	Confidence   store.Number `json:"confidence"` // 0 to 1
	Summary      string       `json:"summary"`
	Cause        string       `json:"likely_cause"`
	Consequences []string     `json:"consequences"` // what it explains, in words, such as "slow GET /orders"
	Evidence     []Evidence   `json:"evidence"`
	Next         []Step       `json:"next"`
}

// Sorts of [Evidence], with what Ref is for each.
const (
	ByTrace     = "trace"     // trace id
	ByLog       = "log"       // text that finds the records
	ByMetric    = "metric"    // instrument, and its attributes as {key=value, …}
	ByCheck     = "check"     // name
	ByOperation = "operation" // id
	ByRuntime   = "runtime"   // name of the figure
	ByDelivery  = "delivery"  // instrument of the ledger, and its attributes as {key=value, …}
	ByStart     = "start"     // service.version of the program that started
)

// Evidence is something that the store can show.
type Evidence struct {
	Type     string       `json:"type"`
	Ref      string       `json:"ref"`
	Value    store.Number `json:"value"`    // null when it is no number
	Baseline store.Number `json:"baseline"` // what is usual, null when that is not known
	Unit     string       `json:"unit"`     // of both, as OpenTelemetry writes units; empty for a count
	At       time.Time    `json:"at"`
	Text     string       `json:"text"`
}

// Step is a question that leads on.
type Step struct {
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
	Reason    string         `json:"reason"`
}
