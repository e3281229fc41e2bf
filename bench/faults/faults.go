// Package faults puts the same faults to otelmon's health package and to its
// rivals, and tells what comes of them.
//
// Each cell of the table is a process of its own: a fault may end the process,
// block it for good, or leave goroutines behind, and none of that may be seen in
// another cell. The process is the calling program, started anew with a hidden
// argument; see [Child].
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// A scenario is one fault, or one load, and what ours has to make of it.
type scenario struct {
	name  string
	bound string // what ours has to do; empty: there to be looked at
	timed bool   // measures time
	run   func(library) outcome
}

// An outcome is what one library made of a scenario.
type outcome struct {
	Facts string
	OK    bool // within the bound
}

func scenarios() []scenario {
	return append(answers(), append(lives(), measured()...)...)
}

// Print runs every scenario against every library and prints one line for
// each scenario. It reports whether ours missed a bound.
func Print(ctx context.Context, out io.Writer) (missed bool, err error) {
	libraries := libraries()
	heads := []string{"fault"}
	for _, l := range libraries {
		heads = append(heads, l.title)
	}
	line(out, append(heads, "bound for otelmon", "")...)
	line(out, strings.Split(strings.Repeat("---,", len(libraries)+2)+"---", ",")...)
	for _, s := range scenarios() {
		outcomes, err := s.outcomes(ctx, libraries)
		if err != nil {
			return missed, err
		}
		cells := []string{s.name}
		for _, o := range outcomes {
			cells = append(cells, o.Facts)
		}
		verdict := s.verdict(outcomes[0])
		missed = missed || verdict == "MISSED"
		line(out, append(cells, s.bound, verdict)...)
	}
	return missed, nil
}

// outcomes are in the order of the libraries. What measures no time spends it
// waiting, so the libraries wait together.
func (s scenario) outcomes(ctx context.Context, libraries []library) ([]outcome, error) {
	outcomes, faults := make([]outcome, len(libraries)), make([]error, len(libraries))
	var running sync.WaitGroup
	for i, l := range libraries {
		running.Go(func() { outcomes[i], faults[i] = inChild(ctx, s, l) })
		if s.timed {
			running.Wait()
		}
	}
	running.Wait()
	return outcomes, errors.Join(faults...)
}

func (s scenario) verdict(ours outcome) string {
	switch {
	case s.bound == "":
		return ""
	case ours.OK:
		return "ok"
	}
	return "MISSED"
}

func line(out io.Writer, cells ...string) {
	fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |")
}
