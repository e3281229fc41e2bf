package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// table prints a line for each figure as soon as it is known.
type table struct {
	out    io.Writer
	missed bool
}

func newTable(out io.Writer) *table {
	t := &table{out: out}
	t.line("what", "otelmon", "otherwise", "ratio", "usual", "bound", "")
	t.line("---", "---:", "---:", "---:", "---:", "---", "---")
	return t
}

func (t *table) line(cells ...string) { fmt.Fprintln(t.out, "| "+strings.Join(cells, " | ")+" |") }

// figure is a measurement and what it may be at most. The zero most allows
// everything.
type figure struct {
	what        string
	ours, other string
	ratio       float64 // of the best rounds
	usual       float64 // of those that a quarter beats; 0 if there are no rounds
	least       bool    // most is the least there must be
	most        float64
	bound       string // in words; empty means that of the ratio
}

func (t *table) add(f figure) {
	verdict := ""
	if f.most > 0 {
		if verdict = "ok"; f.missed() {
			verdict, t.missed = "MISSED", true
		}
		if f.bound == "" {
			f.bound = fmt.Sprintf("≤ %.4g×", f.most)
			if f.least {
				f.bound = fmt.Sprintf("≥ %.4g×", f.most)
			}
		}
	}
	t.line(f.what, f.ours, f.other, factor(f.ratio), factor(f.usual), f.bound, verdict)
}

// missed holds if the best rounds and the usual ones are both beyond the bound:
// on a shared machine one of them tells about the neighbours.
func (f figure) missed() bool {
	if f.least {
		return max(f.ratio, f.usual) < f.most
	}
	best := f.ratio
	if f.usual > 0 {
		best = min(best, f.usual)
	}
	return best > f.most
}

func factor(v float64) string {
	switch {
	case v == 0:
		return ""
	case v < 0.1:
		return fmt.Sprintf("%.4f×", v)
	}
	return fmt.Sprintf("%.2f×", v)
}

// rounds are the times of one side in one unit, by round.
type rounds []float64

func (r rounds) best() float64 { return slices.Min(r) }

func (r rounds) usual() float64 { return slices.Sorted(slices.Values(r))[len(r)/4] }

// part returns the value that the share q of them does not exceed.
func (r rounds) part(q float64) float64 {
	return slices.Sorted(slices.Values(r))[min(int(q*float64(len(r))), len(r)-1)]
}

func nanos(v float64) string {
	if v < 1e4 {
		return fmt.Sprintf("%.0f ns", v)
	}
	return time.Duration(v).Round(100 * time.Nanosecond).String()
}

func megabytes(v float64) string { return fmt.Sprintf("%.1f MB", v/1e6) }
