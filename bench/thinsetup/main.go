// Command thinsetup is examples/quickstart without the console, to be weighed
// against rawsetup.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
	"github.com/otelmon/otelmon-go/otelmon"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "address to serve on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		log.Fatal(err) //nolint:forbidigo // this is func main
	}
}

func run(ctx context.Context, addr string) (err error) {
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "thinsetup"})
	defer func() { err = errors.Join(err, mon.Shutdown(context.WithoutCancel(ctx))) }()
	checks := health.New(health.Options{})
	err = errors.Join(
		err,
		checks.Register(health.Check{Name: "memory", Func: checkers.Memory(checkers.MemoryOptions{})}),
		checks.Start(ctx),
	)
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", hello)
	mux.Handle("/", checks.Handler())

	server := &http.Server{Addr: addr, Handler: otelmon.Handler(mux), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- server.Shutdown(context.WithoutCancel(ctx)) })
	log.Printf("serving http://%s/hello/you", addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "Hello, %s!\n", r.PathValue("name"))
}
