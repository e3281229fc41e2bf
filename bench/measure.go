package main

import (
	"math"
	"runtime"
	"slices"
	"time"
)

const (
	batchTime = 2 * time.Millisecond // short enough to fall between two interruptions
	rounds    = 60
	attempts  = 4 // a bound that seems missed is measured again

	// What goroutines beside the measured one allocate, spread over the calls of
	// a batch, and what a map needs more when its hashes collide.
	allocNoise, allocVariation = 0.05, 0.01
)

// result is what one call costs, in ns: of the best batch, and of the one that
// a quarter of the batches beat. On a machine shared with strangers the rest
// tells about the strangers, and one of these two may be off; a real miss shows
// in both.
type result struct {
	ours, other           float64
	oursUsual, otherUsual float64
	allocs, otherAllocs   float64
	bytes, otherBytes     float64
}

func (r result) ratio() float64 { return r.ours / r.other }
func (r result) extra() float64 { return r.ours - r.other }

func (r result) usualRatio() float64 { return r.oursUsual / r.otherUsual }
func (r result) usualExtra() float64 { return r.oursUsual - r.otherUsual }

func (r result) allocatesMore() bool {
	return r.allocs-r.otherAllocs > allocNoise+allocVariation*r.otherAllocs
}

// measure runs both sides in turn, and again while the bound seems missed.
func measure(p pair) result {
	n := calibrate(p.other)
	p.ours(n)
	runtime.GC()
	var s samples
	var r result
	for range attempts {
		s.add(p, n)
		if r = s.result(); !p.bound.missedTime(r) {
			break
		}
	}
	n = max(n, 64)
	r.allocs, r.bytes = allocations(p.ours, n)
	r.otherAllocs, r.otherBytes = allocations(p.other, n)
	return r
}

// samples are ns a call, by round.
type samples struct{ ours, other []float64 }

// add changes the order in each round, so that neither side always comes after
// the other.
func (s *samples) add(p pair, n int) {
	for i := range rounds {
		if i%2 == 0 {
			s.ours = append(s.ours, perCall(p.ours, n))
			s.other = append(s.other, perCall(p.other, n))
		} else {
			s.other = append(s.other, perCall(p.other, n))
			s.ours = append(s.ours, perCall(p.ours, n))
		}
	}
}

func (s *samples) result() result {
	ours, other := slices.Sorted(slices.Values(s.ours)), slices.Sorted(slices.Values(s.other))
	return result{
		ours: ours[0], other: other[0],
		oursUsual: ours[len(ours)/4], otherUsual: other[len(other)/4],
	}
}

func perCall(w work, n int) float64 {
	start := time.Now()
	w(n)
	return float64(time.Since(start)) / float64(n)
}

// calibrate finds how many calls fill a batch.
func calibrate(w work) int {
	for n := 1; ; n *= 2 {
		best := math.Inf(1)
		for range 3 {
			best = min(best, perCall(w, n)*float64(n))
		}
		if best >= float64(batchTime) {
			return n
		}
	}
}

// allocations are objects and bytes a call, of the quietest of a few batches.
func allocations(w work, n int) (objects, bytes float64) {
	objects, bytes = math.Inf(1), math.Inf(1)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w(n)
		runtime.ReadMemStats(&after)
		objects = min(objects, float64(after.Mallocs-before.Mallocs)/float64(n))
		bytes = min(bytes, float64(after.TotalAlloc-before.TotalAlloc)/float64(n))
	}
	return objects, bytes
}
