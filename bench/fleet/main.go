// Command fleet is one instance of a service, for simulations of many and to
// measure what one costs: five routes that it asks itself, a dependency, four
// health checks and a bulk operation that never ends, with all that otelmon adds.
// Nothing is served, so that what it costs is the telemetry. It sends to where
// OTEL_EXPORTER_OTLP_ENDPOINT says until SIGTERM.
//
//	go run ./fleet -rate 5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/checkers"
	"github.com/otelmon/otelmon-go/otelmon"
)

func main() {
	perSecond := flag.Float64("rate", 5, "requests a `second`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *perSecond); err != nil {
		log.Fatal(err) //nolint:forbidigo // this is func main
	}
}

// run is the instance. It ends without error when ctx does.
func run(ctx context.Context, perSecond float64) (err error) {
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "fleet", Version: "1.0.0"})
	defer func() { err = errors.Join(err, mon.Shutdown(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	slog.SetDefault(mon.Logger())
	checks := health.New(health.Options{})
	for _, c := range []health.Check{
		{Name: "database", Func: sound, Critical: true},
		{Name: "queue", Func: sound},
		{Name: "disk", Func: checkers.DiskSpace(".", checkers.DiskSpaceOptions{})},
		{Name: "memory", Func: checkers.Memory(checkers.MemoryOptions{}), Scope: health.Internal},
	} {
		if err := checks.Register(c); err != nil {
			return err
		}
	}
	lasting := context.WithoutCancel(ctx)
	if err := checks.Start(lasting); err != nil {
		return err
	}
	for range bulk.Range(ctx, "fleet.import", times(100)) { // one that has ended
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pace := rate.NewLimiter(20, 1)
		for range bulk.Range(ctx, "fleet.sync", times(1<<30), bulk.Total(1<<30)) {
			if pace.Wait(ctx) != nil {
				break
			}
		}
	}()
	serve(ctx, otelmon.Handler(routes()), perSecond)
	<-done
	return checks.Shutdown(lasting)
}

func sound(context.Context) error { return nil }

func times(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// requests are asked in turn, so that each series is there from the beginning.
func requests() []string {
	return []string{
		"GET /items", "GET /items/7", "POST /orders", "GET /orders/7", "GET /items", "GET /reports/7",
		"GET /items", "GET /items/0", "POST /orders", "GET /orders/7",
	}
}

func serve(ctx context.Context, handler http.Handler, perSecond float64) {
	pace := rate.NewLimiter(rate.Limit(perSecond), len(requests()))
	for i := 0; pace.Wait(ctx) == nil; i++ {
		var method, path string
		if _, err := fmt.Sscan(requests()[i%len(requests())], &method, &path); err != nil {
			slog.ErrorContext(ctx, "scan", "error", err)
		}
		// Like a server's, a request is not cut off when the instance is told to end.
		r := httptest.NewRequestWithContext(context.WithoutCancel(ctx), method, "http://shop.example.com"+path, http.NoBody)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// routes answer at once; a request for item 0 finds nothing, and each other one
// asks the database, an order the payments service, too.
func routes() http.Handler {
	tracer := otel.Tracer("fleet")
	query := otelmon.NewTimer("db.client.operation.duration", "Duration of database client operations.")
	selects := query.With(semconv.DBSystemNamePostgreSQL, semconv.DBOperationName("SELECT"))
	payments := http.Client{Transport: otelmon.Transport(answering{})}
	ask := func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "0" {
			http.NotFound(w, r)
			return
		}
		began := time.Now()
		ctx, span := tracer.Start(r.Context(), "SELECT shop", trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(semconv.DBSystemNamePostgreSQL, semconv.DBNamespace("shop"), semconv.DBOperationName("SELECT")))
		selects.Since(ctx, began)
		span.End()
	}
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /items", "GET /items/{id}", "GET /orders/{id}", "GET /reports/{id}"} {
		mux.HandleFunc(pattern, ask)
	}
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		ask(w, r)
		req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://payments:8080/charges", http.NoBody)
		if err == nil {
			var res *http.Response
			if res, err = payments.Do(req); err == nil {
				err = res.Body.Close()
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		slog.InfoContext(r.Context(), "order placed", "quantity", 1)
		w.WriteHeader(http.StatusCreated)
	})
	return mux
}

// answering takes the place of a dependency.
type answering struct{}

// RoundTrip implements http.RoundTripper.
func (answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}
