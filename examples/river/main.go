// Command river spreads one bulk operation over many processes, by the job queue
// River on PostgreSQL: it gives every row of the table documents a slug. It shows
// [bulk.Join] and [bulk.Operation.Merge]: the operation is one in traces, in
// metrics and on the terminal, and its counts are exact after workers were killed.
//
//	go run ./river -postgres postgres://localhost/shop coordinate
//	go run ./river -postgres postgres://localhost/shop -name a work    # as many as you like, on any host
//
// A table that is missing is made, with sample rows. Coordinate cuts it into
// partitions, each a job of River, and tells how far they are. Workers do a
// partition, its count and the end of its job in one transaction: what a killed
// one had not committed never was, and another worker does it again. A
// coordinator that was killed goes on with the same operation when it is started
// again; meanwhile the workers do not wait for it. Of two coordinators the second
// waits for the first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/examples/internal/page"
	"github.com/otelmon/otelmon-go/otelmon"
)

// operationName is what all processes call the operation.
const operationName = "backfill.slugs"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "river:", err)
		os.Exit(1)
	}
}

// run is the program. What the operation has done goes to stdout, all else to
// stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if terminal, ok := stderr.(*os.File); ok {
		line := bulk.Terminal(terminal)
		defer line.Stop()
		stderr = line // so that logs and progress do not garble each other
	}
	con := console.New(console.Options{})
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "river-" + f.command, Taps: []otelmon.Tap{con}, LogOutput: stderr})
	defer mon.Shutdown(context.WithoutCancel(ctx)) //nolint:errcheck // what cannot be sent is told while it happens
	if err != nil {
		return err
	}
	defer page.Show(ctx, con, stderr)()
	db, err := openDatabase(ctx, f)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	defer db.Close()
	if f.command == work {
		mon.LogLevel().Set(slog.LevelWarn) // below, River tells every five seconds that it runs
		return startWorker(ctx, f, db, mon.Logger(), stderr)
	}
	return startCoordinator(ctx, f, db, stdout, stderr)
}
