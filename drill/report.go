package drill

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/exporters"
)

// A Verdict is what a scenario ends with.
type Verdict string

// The verdicts. What is lost and has a number is [OK]: the numbers tell whether
// it is too much.
const (
	OK     Verdict = "ok"
	Failed Verdict = "FAILED"
)

// Report is what [Run] has found. As JSON its form is stable: fields and scenarios
// may be added, and Version changes if anything else does.
type Report struct {
	// Version is 1.
	Version int `json:"version"`
	// Verdict is the worst of the scenarios.
	Verdict Verdict `json:"verdict"`
	// Fault says why nothing could be tried, or what was left behind.
	Fault string `json:"fault,omitempty"`
	// Waits is where telemetry waited: "directory" or "memory".
	Waits string `json:"waits,omitempty"`
	// Backend is where telemetry went on to, host and port; empty if nothing left
	// this machine.
	Backend []string `json:"backend,omitempty"`
	// Scenarios come in a fixed order.
	Scenarios []Result `json:"scenarios"`
	// Skipped are those that could not be played.
	Skipped []Skip `json:"skipped,omitempty"`
	// Ledger is the sum of all scenarios, by signal.
	Ledger []Account `json:"ledger"`
}

// Skip says why a scenario was not played.
type Skip struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Result is what came of one scenario.
type Result struct {
	Name    string  `json:"name"`
	About   string  `json:"about"`
	Verdict Verdict `json:"verdict"`
	// Reasons are what is wrong, each in a sentence.
	Reasons []string `json:"reasons,omitempty"`
	// Accounts are those of the signals that are sent by OTLP.
	Accounts []Account `json:"accounts"`
	Seconds  float64   `json:"seconds"`
}

// Account is what was made of a signal and what became of it.
type Account struct {
	Signal string `json:"signal"` // traces, metrics or logs
	// Made and Arrived were counted by the drill, each item once, and the others by
	// the ledger. With a backend Arrived is what that has said that it took. Again
	// is how many items arrived a further time.
	Made      int64            `json:"made"`
	Created   int64            `json:"created"`
	Delivered int64            `json:"delivered"`
	Pending   int64            `json:"pending"`
	Dropped   map[string]int64 `json:"dropped,omitempty"` // by reason
	Arrived   int64            `json:"arrived"`
	Again     int64            `json:"again"`

	memory int64 // of Made, what was only in the memory of a process that was killed
}

// Err joins what has failed.
func (r Report) Err() error {
	var failed []error
	if r.Fault != "" {
		failed = append(failed, errors.New(r.Fault))
	}
	for _, s := range r.Scenarios {
		for _, reason := range s.Reasons {
			failed = append(failed, fmt.Errorf("%s: %s", s.Name, reason))
		}
	}
	return errors.Join(failed...)
}

// String is one line: "120 made, 118 delivered, 2 evicted".
func (a Account) String() string {
	parts := []string{fmt.Sprintf("%d created, %d delivered", a.Created, a.Delivered)}
	if a.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d pending", a.Pending))
	}
	for _, reason := range slices.Sorted(maps.Keys(a.Dropped)) {
		parts = append(parts, fmt.Sprintf("%d %s", a.Dropped[reason], reason))
	}
	if a.Again > 0 {
		parts = append(parts, fmt.Sprintf("%d arrived again", a.Again))
	}
	return strings.Join(parts, ", ")
}

// add makes a the sum of both.
func (a *Account) add(b Account) {
	a.Signal = b.Signal
	a.Made += b.Made
	a.Created += b.Created
	a.Delivered += b.Delivered
	a.Pending += b.Pending
	a.Arrived += b.Arrived
	a.Again += b.Again
	for reason, n := range b.Dropped {
		if a.Dropped == nil {
			a.Dropped = map[string]int64{}
		}
		a.Dropped[reason] += n
	}
}

// Sum adds the accounts of different signals up. It is of none of them.
func Sum(accounts []Account) (sum Account) {
	for _, a := range accounts {
		sum.add(a)
	}
	sum.Signal = ""
	return sum
}

func (a Account) lost() (n int64) {
	for _, d := range a.Dropped {
		n += d
	}
	return n
}

// check says what the numbers contradict each other in.
func (a Account) check() (reasons []string) {
	wrong := func(format string, args ...any) {
		reasons = append(reasons, a.Signal+": "+fmt.Sprintf(format, args...))
	}
	if settled := a.Delivered + a.Pending + a.lost(); settled != a.Created {
		wrong("%d were created, but delivered, pending and dropped are %d", a.Created, settled)
	}
	switch {
	case a.Created < a.Made:
		wrong("%d were made and only %d counted: %d are lost without a number", a.Made, a.Created, a.Made-a.Created)
	case a.Created > a.Made:
		wrong("%d were made and %d counted", a.Made, a.Created)
	}
	if a.Arrived < a.Delivered || a.Arrived > a.Delivered && a.Delivered == a.Created {
		wrong("the ledger says that %d were delivered, and the receiver has %d", a.Delivered, a.Arrived)
	}
	if told := a.Dropped[exporters.Crashed.String()]; told != a.memory {
		wrong("the ledger says that %d crashed, and %d were only in the memory of a process that was killed", told, a.memory)
	}
	return reasons
}

// conclude sums up.
func (r *Report) conclude() {
	if r.Verdict = OK; r.Fault != "" {
		r.Verdict = Failed
	}
	sums := map[string]*Account{}
	for _, s := range r.Scenarios {
		if s.Verdict == Failed {
			r.Verdict = Failed
		}
		for _, a := range s.Accounts {
			if sums[a.Signal] == nil {
				sums[a.Signal] = &Account{}
			}
			sums[a.Signal].add(a)
		}
	}
	for _, signal := range []string{"traces", "metrics", "logs"} {
		if sum := sums[signal]; sum != nil {
			r.Ledger = append(r.Ledger, *sum)
		}
	}
}
