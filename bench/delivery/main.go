// Command delivery compares an outbox of package exporters with what it takes the
// place of, and prints one line for each figure:
//
//	go run ./delivery                everything, in about three minutes
//	go run ./delivery queue memory   only these parts
//
// The parts are queue, throughput, disk, hot, memory and outage. Receivers are
// processes of their own: this program, started anew with a hidden argument. It
// exits with 1 when a bound is missed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"

	"go.opentelemetry.io/otel"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main
	}
}

var errMissed = errors.New("bounds are missed: see the lines marked MISSED")

// part prints its lines. It may use dir, which is empty.
type part struct {
	name string
	run  func(ctx context.Context, t *table, dir string) error
}

func parts() []part {
	return []part{
		{"queue", queues}, {"throughput", throughput}, {"disk", disk}, {"hot", hotPath}, {"memory", memory}, {"outage", outage},
	}
}

func run(ctx context.Context, out io.Writer, words []string) error {
	if len(words) == 2 && words[0] == receiverArgument {
		return receive(ctx, out, words[1])
	}
	if len(words) == 3 && words[0] == memoryArgument {
		return flood(ctx, out, words[1], words[2])
	}
	// Backends are away on purpose, of which nobody needs to hear.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	debug.SetGCPercent(400)
	t := newTable(out)
	for _, p := range parts() {
		if len(words) > 0 && !slices.Contains(words, p.name) {
			continue
		}
		dir, err := os.MkdirTemp("", "otelmon-delivery")
		if err != nil {
			return err
		}
		err = errors.Join(p.run(ctx, t, dir), os.RemoveAll(dir))
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if t.missed {
		return errMissed
	}
	return nil
}
