package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Bounds.
const (
	mostMemory = 1.3 // of the console's budget
	mostSlower = 1.1 // p99 of the application
	leastLoad  = 0.95
)

// report prints what was measured, and fails when a bound is missed.
func report(out io.Writer, with, without *side, seen *answers) error {
	fmt.Fprintln(out, "| what | with console | without | | bound | |\n| --- | ---: | ---: | ---: | --- | --- |")
	missed := false
	line := func(what, ours, other, differs, bound string, ok bool) {
		verdict := "ok"
		if bound == "" {
			verdict = ""
		} else if !ok {
			verdict, missed = "MISSED", true
		}
		fmt.Fprintln(out, "| "+strings.Join([]string{what, ours, other, differs, bound, verdict}, " | ")+" |")
	}

	spans := func(l lap) float64 { return l.spans }
	ours, other := with.least(spans), without.least(spans)
	line("spans a second, the least of a lap", fmt.Sprintf("%.0f", ours), fmt.Sprintf("%.0f", other), "",
		fmt.Sprintf("≥ %.0f", leastLoad*spansASecond), min(ours, other) >= leastLoad*spansASecond)

	p50 := func(l lap) float64 { return l.p50.Seconds() }
	line("p50 of a request, usual", millis(with.usual(p50)), millis(without.usual(p50)), ratio(with.usual(p50)/without.usual(p50)), "", true)
	p99 := func(l lap) float64 { return l.p99.Seconds() }
	best, usual := with.least(p99)/without.least(p99), with.usual(p99)/without.usual(p99)
	line("p99 of a request, best lap", millis(with.least(p99)), millis(without.least(p99)), ratio(best), "", true)
	line("p99 of a request, usual lap", millis(with.usual(p99)), millis(without.usual(p99)), ratio(usual),
		fmt.Sprintf("≤ %.1f×, best or usual", mostSlower), min(best, usual) <= mostSlower)

	heap := func(l lap) float64 { return float64(l.heap) }
	extra, most := with.most(heap)-without.most(heap), mostMemory*float64(with.first.Budget)
	line("live heap, the most", megabytes(with.most(heap)), megabytes(without.most(heap)), "+"+megabytes(extra), "≤ +"+megabytes(most), extra <= most)
	line("goroutines, before and after", fmt.Sprintf("%d, %d", with.first.Goroutines, with.last.Goroutines),
		fmt.Sprintf("%d, %d", without.first.Goroutines, without.last.Goroutines), "", "no more than without", with.grown() <= max(0, without.grown()))
	cpu := func(l lap) float64 { return l.cpu }
	line("processors used, usual", fmt.Sprintf("%.2f", with.usual(cpu)), fmt.Sprintf("%.2f", without.usual(cpu)), "", "", true)

	errs := slices.Concat(with.errs, without.errs, seen.errs)
	line("answers of the console, events of streams", fmt.Sprintf("%d, %d", seen.count(), seen.news), "", "", "> 0", seen.count() > 0 && seen.news > 0)
	line("errors in any answer", fmt.Sprint(len(with.errs)+len(seen.errs)), fmt.Sprint(len(without.errs)), "", "0", len(errs) == 0)
	name, slowest := seen.slowest()
	line("p99 of the slowest answer, "+name, millis(slowest.Seconds()), "", "", "", true)
	for i, err := range errs[:min(len(errs), 5)] {
		fmt.Fprintf(out, "\nerror %d: %v\n", i+1, err)
	}
	if missed {
		return errMissed
	}
	return nil
}

// grown is how many goroutines more there are: those of the exporter come and go
// with its connections.
func (s *side) grown() int { return s.last.Goroutines - s.first.Goroutines }

// figures of all laps, sorted.
func (s *side) figures(of func(lap) float64) []float64 {
	list := make([]float64, len(s.laps))
	for i, l := range s.laps {
		list[i] = of(l)
	}
	slices.Sort(list)
	return list
}

func (s *side) least(of func(lap) float64) float64 { return s.figures(of)[0] }
func (s *side) usual(of func(lap) float64) float64 { return s.figures(of)[len(s.laps)/2] }
func (s *side) most(of func(lap) float64) float64  { return s.figures(of)[len(s.laps)-1] }

func millis(seconds float64) string {
	return fmt.Sprintf("%.1f ms", seconds*float64(time.Second/time.Millisecond))
}

func megabytes(v float64) string { return fmt.Sprintf("%.1f MB", v/1e6) }

func ratio(v float64) string { return fmt.Sprintf("%.2f×", v) }
