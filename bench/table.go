package main

import (
	"fmt"
	"io"
	"math"
)

// table prints one line for each pair as soon as it is measured.
type table struct {
	out    io.Writer
	missed bool
}

const row = "| %-44s | %9s | %9s | %7s | %7s | %9s | %6s | %5s | %-19s | %-6s |\n"

func newTable(out io.Writer) *table {
	t := &table{out: out}
	t.print("pair", "otelmon", "otherwise", "ratio", "usual", "extra", "allocs", "B", "bound", "")
	t.print("---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---", "---")
	return t
}

func (t *table) print(columns ...any) { fmt.Fprintf(t.out, row, columns...) }

func (t *table) measure(pairs []pair, wanted func(string) bool) {
	for _, p := range pairs {
		if wanted(p.name) {
			t.add(p.name, measure(p), p.bound)
		}
		if p.close != nil {
			p.close()
		}
	}
}

func (t *table) add(name string, r result, b bound) {
	t.print(
		name, nanos(r.ours), nanos(r.other), factor(r.ratio()), factor(r.usualRatio()), extra(r.extra()),
		signed(r.allocs-r.otherAllocs, 0), signed(r.bytes-r.otherBytes, 0), b, t.verdict(b, b.missed(r)),
	)
}

func (t *table) addSize(name string, ours, other, most float64) {
	b := bound{ratio: most}
	t.print(
		name, megabytes(ours), megabytes(other), factor(ours/other), "", signed((ours-other)/1e6, 2)+" MB",
		"", "", b, t.verdict(b, most > 0 && ours > most*other),
	)
}

func (t *table) verdict(b bound, missed bool) string {
	switch {
	case b == bound{}:
		return ""
	case missed:
		t.missed = true
		return "MISSED"
	}
	return "ok"
}

func factor(v float64) string { return fmt.Sprintf("%.2f×", v) }

func nanos(v float64) string {
	switch {
	case v < 100:
		return fmt.Sprintf("%.1f ns", v)
	case v < 1e4:
		return fmt.Sprintf("%.0f ns", v)
	}
	return fmt.Sprintf("%.1f µs", v/1e3)
}

func extra(v float64) string {
	if math.Abs(v) < 1e4 {
		return signed(v, 1) + " ns"
	}
	return signed(v/1e3, 1) + " µs"
}

func megabytes(v float64) string { return fmt.Sprintf("%.2f MB", v/1e6) }

// signed leaves out the sign of what is shown as zero.
func signed(v float64, digits int) string {
	if math.Abs(v) < 0.5*math.Pow10(-digits) {
		return "0"
	}
	return fmt.Sprintf("%+.*f", digits, v)
}
