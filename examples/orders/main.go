// Command orders takes orders over HTTP. They are kept in PostgreSQL, Redis
// counts them. It shows health checks on a program's own connections, evidence
// from its own queries, and what follows when one fails: readiness, Prometheus
// rules, alerts.
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

	"github.com/redis/go-redis/v9/logging"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/otelmon"
)

// stopTimeout bounds what is still done when the program is told to end: requests
// are answered, and then checks and alerts end.
const stopTimeout = 5 * time.Second

func main() {
	logging.Disable() // Redis' client repeats every second what its check tells once
	err := run(context.Background(), os.Args[1:], os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

// run is the program. It ends without error when ctx does, and after SIGTERM,
// unless requests had to be cut off.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	f, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	checks := health.New(health.Options{})
	store, err := openStore(ctx, f, checks.Observe)
	if err != nil {
		return err
	}
	defer store.close()
	for _, c := range store.checks(f.interval) {
		if err := checks.Register(c); err != nil {
			return err
		}
	}
	if f.rules != "" {
		return writeRules(f, checks.Checks())
	}
	return operate(ctx, f, store, checks, stderr)
}

// operate takes orders until it is told to end.
func operate(ctx context.Context, f flags, s *store, checks *health.Registry, stderr io.Writer) (err error) {
	con := console.New(console.Options{})
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: service, Taps: []otelmon.Tap{con}, LogOutput: stderr})
	lasting := context.WithoutCancel(ctx)
	defer mon.Shutdown(lasting) //nolint:errcheck // what cannot be sent is told while it happens
	if err != nil {
		return err
	}
	ctx, stop := checks.DrainOnSignal(ctx, f.drain)
	defer stop()
	alerts, err := startAlerts(lasting, checks, f, mon.Logger())
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(lasting, stopTimeout)
		defer cancel()
		err = errors.Join(err, checks.Shutdown(ctx), alerts.Shutdown(ctx))
	}()
	if err := checks.Start(lasting); err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", api{s, mon.Logger()}.place)
	mux.Handle("/", checks.Handler(health.ShowDetails(fromHere)))
	mux.Handle("/debug/otelmon/", con.Handler())
	withdraw, _ := con.Announce("http://" + f.addr + "/debug/otelmon/") // otherwise the command otelmon needs -url
	defer withdraw()
	server := &http.Server{Addr: f.addr, Handler: otelmon.Handler(mux, otelmon.Untraced("/debug/")), ReadHeaderTimeout: stopTimeout}
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() { stopped <- end(lasting, server) })
	defer release()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// end waits for the requests that run, but not for a client that never ends its own.
func end(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off: %w", err), server.Close())
	}
	return nil
}
