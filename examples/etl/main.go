// Command etl loads orders from a CSV file into a table of PostgreSQL. It shows
// [bulk.Run]: the number of workers and the batch size are found while it runs,
// bad rows are counted up to a budget, and a run that is stopped or killed at any
// moment loses no row. The next one skips what is done and writes the rest again,
// which changes nothing, because rows are written by their primary key.
//
//	go run ./etl -generate 100000 -file orders.csv
//	go run ./etl -postgres postgres://localhost/shop -file orders.csv
//
// How far a table is loaded stands in the table etl_checkpoints of the same
// database. It holds for one content of the file: a changed file is loaded from
// its beginning, as is any into a table that was dropped or truncated. Rows that
// somebody deletes do not come back by themselves. Of two runs for one table the
// second waits for the first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/examples/internal/page"
	"github.com/otelmon/otelmon-go/otelmon"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "etl:", err)
		os.Exit(1)
	}
}

// run is the program. What it has done goes to stdout, logs and progress to
// stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, err := parseFlags(args, stderr)
	switch {
	case err != nil:
		return err
	case f.generate > 0:
		return generate(f.file, f.generate)
	}
	file, err := os.Open(f.file)
	if err != nil {
		return fmt.Errorf("-file: %w", err)
	}
	defer file.Close()
	if terminal, ok := stderr.(*os.File); ok {
		line := bulk.Terminal(terminal)
		defer line.Stop()
		stderr = line // so that logs and progress do not garble each other
	}
	con := console.New(console.Options{})
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "etl", Taps: []otelmon.Tap{con}, LogOutput: stderr})
	defer mon.Shutdown(context.WithoutCancel(ctx)) //nolint:errcheck // what cannot be sent is told while it happens
	if err != nil {
		return err
	}
	defer page.Show(ctx, con, stderr)()
	about, err := inspect(ctx, file)
	if err != nil {
		return fmt.Errorf("%s: %w", f.file, err)
	}
	t, err := openTable(ctx, f, stderr)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	defer t.close()
	report, err := load(ctx, f, file, about, t)
	if report.Name != "" {
		tell(stdout, f.table, report)
	}
	return err
}
