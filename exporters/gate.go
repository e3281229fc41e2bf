package exporters

import (
	"math"
	"sync/atomic"
)

// gate lets in until it is shut, and knows who is inside. Unlike a lock for
// reading it may be entered again by somebody inside while another shuts it: an
// error that is reported may become a log record.
type gate struct {
	inside *atomic.Int64 // plus closed once it is shut
	empty  chan struct{}
}

const closed = math.MinInt64

func newGate() gate { return gate{new(atomic.Int64), make(chan struct{}, 1)} }

// enter reports whether the gate is open; who came in leaves.
func (g gate) enter() bool {
	if g.inside.Add(1) > 0 {
		return true
	}
	g.leave()
	return false
}

func (g gate) leave() {
	if g.inside.Add(-1) != closed {
		return
	}
	select {
	case g.empty <- struct{}{}:
	default:
	}
}

// shut is called once. It waits until nobody is inside.
func (g gate) shut() {
	if g.inside.Add(closed) != closed {
		<-g.empty
	}
}
