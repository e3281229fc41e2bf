// Command rawsetup is examples/quickstart without otelmon and without a console:
// three signals over OTLP by either protocol, a resource, runtime metrics, logs
// on stderr and over OTLP, traced HTTP, a health check as a gauge and a probe,
// and a shutdown that flushes. It is written by hand on the raw SDK, to be
// weighed.
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

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
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
	shutdown, err := setUp(ctx, "rawsetup")
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, shutdown(ctx))
	}()
	check, err := watch("memory", memory)
	if err != nil {
		return err
	}
	go check.run(ctx, 15*time.Second)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", hello)
	mux.Handle("GET /readyz", check)
	handler := otelhttp.NewHandler(mux, "", otelhttp.WithFilter(func(r *http.Request) bool {
		return r.URL.Path != "/readyz"
	}))

	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
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
