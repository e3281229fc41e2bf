package faults

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

const (
	attempts = 4   // a bound that seems missed is measured again
	most     = 1.2 // times what it costs without hung checks
)

// A duel is the same figure with hung checks and without, in ns, by round. It
// is judged like a pair of the other table: by the best round, and by the one
// that a quarter of the rounds beat, for one of these may be off on a machine
// shared with strangers.
type duel struct{ with, without []float64 }

// fight measures both in turn, changing places after each round, and again
// while the bound seems missed.
func fight(rounds int, with, without func() float64) *duel {
	var d duel
	runtime.GC()
	for range attempts {
		for i := range rounds {
			if i%2 == 0 {
				d.with, d.without = append(d.with, with()), append(d.without, without())
			} else {
				d.without, d.with = append(d.without, without()), append(d.with, with())
			}
		}
		if d.ratio() <= most {
			break
		}
	}
	return &d
}

func (d *duel) ratio() float64 {
	with, without := slices.Sorted(slices.Values(d.with)), slices.Sorted(slices.Values(d.without))
	quarter := len(with) / 4
	return min(with[0]/without[0], with[quarter]/without[quarter])
}

func (d *duel) outcome() outcome {
	ratio := d.ratio()
	return outcome{fmt.Sprintf("%s: %.2f×", d.best(), ratio), ratio <= most}
}

func (d *duel) best() string {
	return fmt.Sprintf("%s, with %s", micros(slices.Min(d.without)), micros(slices.Min(d.with)))
}

// percentile sorts.
func percentile(all []float64, share float64) float64 {
	slices.Sort(all)
	return all[min(int(share*float64(len(all))), len(all)-1)]
}

func median(all []float64) float64 { return percentile(all, 0.5) }

func p99(all []float64) float64 { return percentile(all, 0.99) }

// micros is for ns.
func micros(nanos float64) string {
	switch {
	case nanos < 1e4:
		return fmt.Sprintf("%.2f µs", nanos/1e3)
	case nanos < 1e5:
		return fmt.Sprintf("%.1f µs", nanos/1e3)
	case nanos < 1e6:
		return fmt.Sprintf("%.0f µs", nanos/1e3)
	}
	return fmt.Sprintf("%.1f ms", nanos/1e6)
}

func timed(work func()) float64 {
	start := time.Now()
	work()
	return float64(time.Since(start))
}
