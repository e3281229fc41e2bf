//go:build unix

// Command collector compares an outbox of package exporters with the
// OpenTelemetry Collector's exporterhelper, as it is in otlphttpexporter, with
// its persistent queue on the file storage extension:
//
//	cd bench/collector && go run .            everything, in about four minutes
//	cd bench/collector && go run . speed      only speed and sizes
//	cd bench/collector && go run . damage     only flipped bits
//
// It is a module of its own, since the Collector needs so much. Each measurement
// and each restart on a damaged store is a process of its own: this program,
// started anew with a hidden argument. So are receivers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"

	"go.opentelemetry.io/otel"
)

const speedRounds = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main
	}
}

func run(ctx context.Context, out io.Writer, words []string) error {
	// Backends are away on purpose, of which nobody needs to hear.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	debug.SetGCPercent(400)
	if len(words) > 1 {
		switch child, rest := words[0], words[1:]; child {
		case "receive":
			return receive(ctx, out, rest[0])
		case "measure":
			return measure(ctx, out, rest[0], rest[1])
		case "fill":
			return fill(ctx, rest[0], rest[1], rest[2])
		case "restart":
			return restart(ctx, out, rest[0], rest[1], rest[2])
		}
	}
	for _, part := range []struct {
		name string
		run  func(context.Context, io.Writer) error
	}{{"speed", speed}, {"damage", damage}} {
		if len(words) > 0 && !slices.Contains(words, part.name) {
			continue
		}
		if err := part.run(ctx, out); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// self is this program with other arguments.
func self(ctx context.Context, words ...string) (*exec.Cmd, error) {
	name, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, name, words...), nil
}

// figure is what a process measured.
type figure struct {
	What  string
	Value float64
}

// speed lets each way be measured in turn, and prints medians with the ratios of
// ours to the others that promise the same of a power failure.
func speed(ctx context.Context, out io.Writer) error {
	var order []string
	all := map[string]map[string][]float64{} // by figure and way
	for range speedRounds {
		for _, way := range ways() {
			figures, err := measured(ctx, way)
			if err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
			for _, f := range figures {
				if all[f.What] == nil {
					order, all[f.What] = append(order, f.What), map[string][]float64{}
				}
				all[f.What][way] = append(all[f.What][way], f.Value)
			}
		}
	}
	line(out, "what", ours, given, "×", behindSDK, "×", oursSynced, givenSynced, "×")
	line(out, "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:")
	for _, what := range order {
		median := func(way string) float64 {
			return slices.Sorted(slices.Values(all[what][way]))[speedRounds/2]
		}
		value := func(way string) string { return fmt.Sprintf("%.4g", median(way)) }
		if median(ours) >= 1e4 {
			value = func(way string) string { return fmt.Sprintf("%.0f", median(way)) }
		}
		times := func(a, b string) string { return fmt.Sprintf("%.2f", median(a)/median(b)) }
		line(out, what, value(ours), value(given), times(ours, given), value(behindSDK), times(ours, behindSDK),
			value(oursSynced), value(givenSynced), times(oursSynced, givenSynced))
	}
	return nil
}

func measured(ctx context.Context, way string) (figures []figure, err error) {
	dir, err := os.MkdirTemp("", "otelmon-collector")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is for the system to clean
	cmd, err := self(ctx, "measure", way, dir)
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return figures, json.Unmarshal(answer, &figures)
}

func line(out io.Writer, cells ...string) { fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |") }
