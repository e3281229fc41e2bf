// Package pace makes work that takes long rest now and then, so that it is not
// felt by what else runs.
package pace

import "time"

// Pace is the pace of one piece of work. The zero value is ready to use, by one
// goroutine. Giving way to other goroutines alone would not do: where threads are
// more than processors, the system lets one that has work run for milliseconds
// while another, of this program or the next, waits for its turn.
type Pace struct {
	steps int
	since time.Time // of the last rest
}

// How long is worked at a time, and rested. The shortest sleep of an idle program
// takes about a millisecond.
const (
	work = 500 * time.Microsecond
	rest = 500 * time.Microsecond
)

// glance is after how many steps the clock is looked at.
const glance = 16

// Step is called after each small step, which takes microseconds at most. When it
// is time it sleeps, so nothing may be locked that others wait for.
func (p *Pace) Step() {
	if p.steps++; p.steps%glance != 0 {
		return
	}
	if p.since.IsZero() {
		p.since = time.Now()
		return
	}
	if time.Since(p.since) >= work {
		<-time.After(rest)
		p.since = time.Now()
	}
}
