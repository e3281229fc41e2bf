// Command checkers is a service that takes orders from NATS into SQLite, and
// checks whatever could keep it from that. NATS runs inside of it, so it needs
// nothing else:
//
//	go run ./checkers
//	curl 'localhost:8081/readyz?verbose'
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/otelmon"
)

func main() {
	addr := flag.String("addr", "localhost:8081", "address to serve on")
	dir := flag.String("dir", os.TempDir(), "folder of the database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr, dir string) (err error) {
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "orders"})
	defer mon.Shutdown(context.WithoutCancel(ctx)) //nolint:errcheck // what cannot be sent is told while it happens
	if err != nil {
		return err
	}
	broker, err := startBroker(-1)
	if err != nil {
		return err
	}
	defer broker.Shutdown()
	s, err := open(broker.ClientURL(), dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	checks := health.New(health.Options{})
	if err := errors.Join(s.register(checks, mon), checks.Start(ctx)); err != nil {
		return err
	}
	defer checks.Shutdown(context.WithoutCancel(ctx)) //nolint:errcheck // every check obeys its context

	srv := &http.Server{Addr: addr, Handler: checks.Handler(), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- srv.Shutdown(context.WithoutCancel(ctx)) })
	log.Printf("serving http://%s/readyz?verbose", addr)
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// startBroker starts NATS on a port of this machine, -1 for any.
func startBroker(port int) (*server.Server, error) {
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, err
	}
	broker.Start()
	if !broker.ReadyForConnections(10 * time.Second) {
		broker.Shutdown()
		return nil, errors.New("nats does not start")
	}
	return broker, nil
}
