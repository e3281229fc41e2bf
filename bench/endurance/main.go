// Command endurance counts a hundred million items through otelmon and its rivals,
// and prints what an item costs, whether memory grows with them, and what leaves
// the process:
//
//	go run ./endurance
//
// Each line is a process of its own: this program, started anew with a hidden
// argument. It exits with 1 when a bound is missed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

const (
	childArgument = "count-in-one-way"

	allocNoise  = 0.001    // an item; what runs beside it allocates now and then
	memoryNoise = 64 << 10 // bytes; what an operation takes at most
)

func main() {
	ctx := context.Background()
	var err error
	if len(os.Args) == 3 && os.Args[1] == childArgument {
		err = child(ctx, os.Stdout, os.Args[2])
	} else {
		err = run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is func main
	}
}

var errMissed = errors.New("bounds are missed: see the lines marked MISSED")

func run(ctx context.Context, out io.Writer) error {
	line(out, "what counts", "items", "an item", "bare loop", "extra", "usual", "allocs", "heap after 1 %", "after all", "what leaves the process", "bound", "")
	line(out, "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---", "---", "---")
	missed := false
	for _, w := range ways() {
		o, err := inChild(ctx, w.name)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		verdict := w.verdict(o)
		missed = missed || verdict == "MISSED"
		line(
			out, w.name, fmt.Sprintf("%d million", o.Items/1_000_000), nanos(o.Best), nanos(o.Bare), nanos(o.extra()), nanos(o.usualExtra()),
			fmt.Sprintf("%.3f", o.Allocs), kilobytes(o.Early), kilobytes(o.Late), o.Left, w.promise(), verdict,
		)
	}
	if missed {
		return errMissed
	}
	return nil
}

func line(out io.Writer, cells ...string) {
	fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |")
}

func nanos(v float64) string { return fmt.Sprintf("%.1f ns", v) }

func kilobytes(v uint64) string { return fmt.Sprintf("%d KB", v/1000) }

// inChild counts in a process of its own.
func inChild(ctx context.Context, name string) (o outcome, err error) {
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	cmd := exec.CommandContext(ctx, self, childArgument, name)
	cmd.Stderr = os.Stderr
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "OTEL_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	answer, err := cmd.Output()
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(answer, &o)
}

func child(ctx context.Context, out io.Writer, name string) error {
	for _, w := range ways() {
		if w.name == name {
			o, err := w.measure(ctx)
			if err != nil {
				return err
			}
			return json.NewEncoder(out).Encode(o)
		}
	}
	return fmt.Errorf("nothing is named %q", name)
}
