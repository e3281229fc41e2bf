// Command orders takes orders over HTTP and keeps them in PostgreSQL, with the
// popularity of each item in Redis. It shows health checks on a program's own
// connections, evidence from its own queries, and what follows when one fails:
// readiness, Prometheus rules, alerts.
//
//	go run ./orders -postgres postgres://localhost/orders -redis redis://localhost:6379
//	curl -d '{"item":"tea","quantity":2}' localhost:8080/orders
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/otelmon"
)

// flushTimeout bounds what is still done when the program is told to end.
const flushTimeout = 5 * time.Second

func main() {
	err := run(context.Background(), os.Args[1:], os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

// run is the program. It ends without error when ctx does, and after SIGTERM.
func run(ctx context.Context, args []string, stderr io.Writer) (err error) {
	f, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, f)
	if err != nil {
		return err
	}
	defer store.close()
	checks := health.New(health.Options{})
	store.observe = checks.Observe
	for _, c := range store.checks(f.interval) {
		err = errors.Join(err, checks.Register(c))
	}
	if err != nil {
		return err
	}

	con := console.New(console.Options{})
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "orders", Taps: []otelmon.Tap{con}, LogOutput: stderr})
	lasting := context.WithoutCancel(ctx)
	defer func() { flush(lasting, mon) }()
	if err != nil {
		return err
	}
	ctx, stop := checks.DrainOnSignal(ctx, f.drain)
	defer stop()
	if err := checks.Start(lasting); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, checks.Shutdown(lasting)) }()

	mux := http.NewServeMux()
	api{store, mon.Logger()}.register(mux)
	mux.Handle("/", checks.Handler(health.ShowDetails(fromHere)))
	mux.Handle("/debug/otelmon/", con.Handler())
	return serve(ctx, f.addr, otelmon.Handler(mux, otelmon.Untraced("/debug/")))
}

// serve answers requests until ctx ends, and those that run then to their end.
func serve(ctx context.Context, addr string, handler http.Handler) error {
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		stopped <- server.Shutdown(ctx)
	})
	defer release()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// flush sends what is left. Lost telemetry is a warning, not a failure of the
// program.
func flush(ctx context.Context, mon *otelmon.Monitor) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := mon.Shutdown(ctx); err != nil {
		mon.Logger().WarnContext(ctx, "telemetry: "+err.Error())
	}
}
