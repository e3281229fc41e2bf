package console

import (
	"slices"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

// healthView is the health page.
type healthView struct {
	store.Health
	Rows []checkRow
	From time.Time // of the strips
}

// checkRow is a check with its recent past.
type checkRow struct {
	store.Check
	Strip   []stripPart
	Changes int // in the strip
}

// stripPart is how long a check was in one state, from 0 to barWidth.
type stripPart struct {
	bar
	State string
}

const (
	stripTime = time.Hour
	stripStep = 15 * time.Second // its end, so that a stream has not to bring it every second
)

func buildHealth(c *Console, v *view, _ ask) int {
	v.Main = healthOf(c.Health(), v.Summary.Started)
	return 0
}

// healthOf draws the strips from the start of the console on, at most an hour.
func healthOf(h store.Health, started time.Time) healthView {
	until := h.AsOf.Truncate(stripStep).Add(stripStep)
	from := until.Add(-stripTime)
	if started.After(from) {
		from = started
	}
	list := healthView{Health: h, From: from}
	past := map[string][]store.Change{}
	for _, change := range slices.Backward(h.Changes) {
		past[change.Name] = append(past[change.Name], change)
	}
	for _, check := range h.Checks {
		row := checkRow{Check: check}
		row.draw(past[check.Name], from, until)
		list.Rows = append(list.Rows, row)
	}
	return list
}

// draw is given the changes of the check, the oldest first.
func (r *checkRow) draw(changes []store.Change, from, until time.Time) {
	state, at := r.State, from
	if len(changes) > 0 {
		state = stateOr(changes[0].PreviousState, store.StateUnknown)
	}
	part := func(end time.Time) {
		b := bar{at.Sub(from).Seconds() / until.Sub(from).Seconds() * barWidth, end.Sub(at).Seconds() / until.Sub(from).Seconds() * barWidth}
		if end.After(at) {
			r.Strip = append(r.Strip, stripPart{b, state})
		}
	}
	for _, change := range changes {
		if change.Time.After(at) {
			part(change.Time)
			at = change.Time
			r.Changes++
		}
		state = change.State
	}
	part(until)
}

func stateOr(state, otherwise string) string {
	if state == "" {
		return otherwise
	}
	return state
}
