// Command quickstart is a net/http program with telemetry, health probes and a
// console. It needs nothing else to run. It sends to a collector on this machine
// if there is one, or to where OTEL_EXPORTER_OTLP_ENDPOINT says.
//
//	go run ./quickstart
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

	"github.com/otelmon/otelmon-go/console"
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
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string) error {
	con := console.New(console.Options{})
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "quickstart", Taps: []otelmon.Tap{con}})
	defer mon.Shutdown(context.WithoutCancel(ctx)) //nolint:errcheck // what cannot be sent is told while it happens
	checks := health.New(health.Options{})
	if err := errors.Join(err, checks.Register(health.Check{Name: "memory", Func: checkers.Memory(checkers.MemoryOptions{})}), checks.Start(ctx)); err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", hello)
	mux.Handle("/", checks.Handler()) // /livez, /readyz and /startupz
	mux.Handle("/debug/otelmon/", con.Handler())
	withdraw, _ := con.Announce("http://" + addr + "/debug/otelmon/") // for the command otelmon
	defer withdraw()

	server := &http.Server{Addr: addr, Handler: otelmon.Handler(mux, otelmon.Untraced("/debug/")), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- server.Shutdown(context.WithoutCancel(ctx)) })
	log.Printf("serving http://%s/hello/you, console at http://%[1]s/debug/otelmon/", addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "Hello, %s!\n", r.PathValue("name"))
}
