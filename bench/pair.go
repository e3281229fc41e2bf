package main

import "fmt"

// work does the same thing n times.
type work func(n int)

// pair is the same work done through otelmon and otherwise: on the raw SDK, on
// what we wrap, with a bare loop, or with another library.
type pair struct {
	name  string
	ours  work
	other work
	bound bound
	close func() // after the last call; may be nil
}

// bound is what ours may cost. The zero bound allows everything: the pair is
// there to be looked at.
type bound struct {
	ratio  float64 // at most this many times the other, unless 0
	noise  float64 // added to ratio, where there is no room between it and equality
	nanos  float64 // at most this many ns a call more, unless 0
	allocs bool    // no more allocations than the other
}

// thin is for a wrapper around the same call.
func thin() bound { return bound{ratio: 1.05, allocs: true} }

// notSlower is for code that is the same on both sides but for details.
func notSlower() bound { return bound{ratio: 1, noise: 0.02} }

// plus bounds the difference, and allows no further allocation.
func plus(nanos float64) bound { return bound{nanos: nanos, allocs: true} }

// missed tells whether r is beyond the bound.
func (b bound) missed(r result) bool {
	return b.missedTime(r) || b.allocs && r.allocatesMore()
}

func (b bound) missedTime(r result) bool {
	return b.ratio > 0 && min(r.ratio(), r.usualRatio()) > b.ratio+b.noise ||
		b.nanos > 0 && min(r.extra(), r.usualExtra()) > b.nanos
}

func (b bound) String() string {
	var s string
	switch {
	case b.ratio > 0:
		s = fmt.Sprintf("≤ %.2f×", b.ratio)
		if b.noise > 0 {
			s += fmt.Sprintf(" + %g", b.noise)
		}
	case b.nanos > 0:
		s = fmt.Sprintf("≤ +%g ns", b.nanos)
	default:
		return "none"
	}
	if b.allocs {
		s += ", +0 allocs"
	}
	return s
}
