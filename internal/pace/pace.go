// Package pace makes work that takes long rest now and then, so that it is not
// felt by what else runs.
package pace

import "time"

// Pace is the pace of one piece of work. The zero value is ready to use, by one
// goroutine. Giving way to other goroutines alone would not do: where threads are
// more than processors, the system lets one that has work run for milliseconds
// while another, of this program or the next, waits for its turn.
type Pace struct {
	steps  int
	since  time.Time     // of the last rest
	rested time.Duration // the last time
}

// It works as long as it rested: half a millisecond in a program that has much to
// do. In one that is idle a sleep takes a millisecond at least, which it then works,
// and no more, as a machine that is overloaded makes sleeps long, too.
const (
	rest    = 500 * time.Microsecond
	longest = time.Millisecond
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
	if now := time.Now(); now.Sub(p.since) >= max(rest, p.rested) {
		<-time.After(rest)
		p.since = time.Now()
		p.rested = min(p.since.Sub(now), longest)
	}
}
