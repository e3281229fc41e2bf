package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

const laps = 100

// way is one way to count items.
type way struct {
	name  string
	items int     // a hundred million, but where that takes minutes
	bound float64 // ns that an item may take more than in the bare loop; 0: there to be looked at

	goroutines int // that count; 0 means one
	bare       func(n int)

	// count counts the items of all laps and tells what it counted, by its own
	// account, and what left the process.
	count func(context.Context, *ruler) (counted int64, left string, err error)
}

// outcome is what came of it: ns an item, of the best lap and of the one that a
// quarter of the laps beat.
type outcome struct {
	Items                                int
	Best, Usual, Bare, BareUsual, Allocs float64
	Early, Late                          uint64 // bytes that live after one lap, and after all
	Left                                 string
}

func (o outcome) extra() float64      { return o.Best - o.Bare }
func (o outcome) usualExtra() float64 { return o.Usual - o.BareUsual }

func (w way) promise() string {
	if w.bound == 0 {
		return "none"
	}
	return fmt.Sprintf("≤ +%g ns, no allocs, flat", w.bound)
}

func (w way) verdict(o outcome) string {
	switch {
	case w.bound == 0:
		return ""
	case min(o.extra(), o.usualExtra()) > w.bound, o.Allocs > allocNoise, o.Late > o.Early+memoryNoise:
		return "MISSED"
	}
	return "ok"
}

func (w way) measure(ctx context.Context) (outcome, error) {
	r := &ruler{lap: w.items / laps, parallel: min(max(w.goroutines, 1), runtime.GOMAXPROCS(0)), bare: w.bare}
	counted, left, err := w.count(ctx, r)
	if err == nil && counted != int64(w.items) {
		err = fmt.Errorf("%d items of %d were counted", counted, w.items)
	}
	slices.Sort(r.took[:])
	slices.Sort(r.tookBare[:])
	return outcome{
		Items: w.items,
		Best:  r.took[0], Usual: r.took[laps/4], Bare: r.tookBare[0], BareUsual: r.tookBare[laps/4],
		Allocs: float64(r.late.Mallocs-r.early.Mallocs) / float64(w.items-r.lap),
		Early:  r.early.HeapAlloc, Late: r.late.HeapAlloc, Left: left,
	}, err
}

// ruler has items counted in laps, and runs the bare loop before each.
type ruler struct {
	lap      int // items
	parallel int // goroutines that run at once
	bare     func(n int)

	took, tookBare [laps]float64 // ns an item
	early, late    runtime.MemStats
}

// each yields the number of items to count, lap by lap.
func (r *ruler) each(yield func(n int) bool) {
	for i := range laps {
		start := time.Now()
		r.bare(r.lap)
		r.tookBare[i] = r.perItem(start)
		start = time.Now()
		if !yield(r.lap) {
			return
		}
		r.took[i] = r.perItem(start)
		if i == 0 {
			look(&r.early)
		}
	}
	look(&r.late)
}

func (r *ruler) total() int64 { return laps * int64(r.lap) }

// items yields all items of all laps.
func (r *ruler) items(yield func(int) bool) {
	for n := range r.each {
		if !give(n, yield) {
			return
		}
	}
}

// give is a sequence that the compiler cannot see through, as those of a database
// driver or a parser are.
//
//go:noinline
func give(n int, yield func(int) bool) bool {
	for i := range n {
		if !yield(i) {
			return false
		}
	}
	return true
}

// perItem is the time of one item for the goroutine that counts it.
func (r *ruler) perItem(start time.Time) float64 {
	return float64(time.Since(start)) * float64(r.parallel) / float64(r.lap)
}

// look tells what lives. Two collections empty the pools, too.
func look(m *runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(m)
}
