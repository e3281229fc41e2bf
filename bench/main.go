// Command bench does the same work through otelmon and without it, side by
// side, and prints one line for each pair:
//
//	go run .            everything
//	go run . span http  only the pairs whose names contain one of the words
//	go run . faults     only the faults that are put to health and its rivals
//
// It exits with 1 when a bound is missed. A bound is about ratios or
// differences within one run; the times themselves mean nothing on another
// machine. The same pairs are Go benchmarks: go test -bench=.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/bench/faults"
	"github.com/otelmon/otelmon-go/otelmon"
)

func main() {
	if faults.Child(os.Stdout, os.Args[1:]) {
		return
	}
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main
	}
}

var errMissed = errors.New("bounds are missed: see the lines marked MISSED")

// The word that asks for the table of faults.
const faultsWord = "faults"

func run(ctx context.Context, out io.Writer, words []string) error {
	if err := forgetSettings(); err != nil {
		return err
	}
	missed := false
	if !slices.Equal(words, []string{faultsWord}) {
		var err error
		if missed, err = compare(ctx, out, words); err != nil {
			return err
		}
	}
	if len(words) == 0 || slices.Contains(words, faultsWord) {
		fmt.Fprintln(out)
		fault, err := faults.Print(ctx, out)
		if err != nil {
			return err
		}
		missed = missed || fault
	}
	if missed {
		return errMissed
	}
	return nil
}

// compare prints the table of pairs, and reports whether a bound was missed.
func compare(ctx context.Context, out io.Writer, words []string) (missed bool, err error) {
	// A collection in the middle of a batch is noise. What garbage costs is
	// told by the columns of allocations.
	debug.SetGCPercent(400)
	t := newTable(out)
	wanted := func(name string) bool {
		return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
	}
	t.measure(withoutSDK(), wanted)

	early := newCounter("bench.early")
	mon, err := startOurs(ctx)
	if err != nil {
		return false, err
	}
	raw := startRaw()
	for _, group := range groups(mon, raw, early) {
		t.measure(group(), wanted)
	}
	if err := errors.Join(mon.Shutdown(ctx), raw.shutdown(ctx)); err != nil {
		return false, err
	}
	if wanted("binary") {
		if err := t.sizes(ctx); err != nil {
			return false, err
		}
	}
	return t.missed, nil
}

// groups are the pairs with an SDK. A group begins when it is called. The early
// counter was made before there was one.
func groups(mon *otelmon.Monitor, raw *rawSDK, early otelmon.Counter) []func() []pair {
	return []func() []pair{
		func() []pair { return instruments(raw, early) },
		func() []pair { return spans(raw) },
		func() []pair { return logs(mon.Logger(), raw) },
		func() []pair { return httpServers(raw) },
		func() []pair { return httpClients(raw) },
		counting,
		failing,
		rivals,
		healthChecks,
	}
}

// forgetSettings keeps the shell's OTEL_ variables from telling the two sides
// different things.
func forgetSettings() error {
	var faults []error
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "OTEL_") {
			faults = append(faults, os.Unsetenv(name))
		}
	}
	return errors.Join(faults...)
}
