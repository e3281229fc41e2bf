// Command codesearch indexes Go source files and serves a search for them. It
// shows otelmon at work: indexing is a bulk operation, health checks are
// metrics, each search is a trace, and the embedded console shows it all.
//
//	go run ./codesearch -traffic
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
	"github.com/otelmon/otelmon-go/console/mcp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "codesearch:", err)
		os.Exit(1)
	}
}

// run is the program. It ends without error when ctx does.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	root, err := sourceRoot(ctx, f.root)
	if err != nil {
		return err
	}
	if terminal, ok := stderr.(*os.File); ok {
		line := bulk.Terminal(terminal)
		defer line.Stop()
		stderr = line // so that logs and progress do not garble each other
	}
	con := console.New(console.Options{ReadToken: f.token, ActToken: f.token})
	mcp.Mount(con)
	mon, err := startTelemetry(ctx, con, stderr)
	if err != nil {
		return err
	}
	defer flush(ctx, mon)
	index, err := openStore(ctx, f.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, index.Close()) }()
	if f.fresh {
		if err := index.clear(ctx); err != nil {
			return err
		}
	}
	a := newApp(index, root, mon.Logger())
	if f.once {
		return a.indexOnce(ctx, stdout)
	}
	return a.serve(ctx, f, con, stdout)
}
