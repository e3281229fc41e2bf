package otelmon_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/otelmon"
)

// An HTTP server with traces, metrics and logs over OTLP. The shutdown has a
// context of its own, because the program's ends before.
func ExampleStart() { //nolint:testableexamples // it serves for ever
	ctx := context.Background()
	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "shop", Version: "1.4.0"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // every fault of the configuration
		os.Exit(2)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := mon.Shutdown(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err) // what was lost
		}
	}()
	slog.SetDefault(mon.Logger())

	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "order read", "id", r.PathValue("id"))
	})
	_ = http.ListenAndServe("localhost:8080", otelmon.Handler(mux))
}

// Every setting can say where it came from.
func ExampleMonitor_Settings() {
	mon, err := otelmon.Start(context.Background(), otelmon.Config{Service: "shop", Exporters: "none"})
	if err != nil {
		panic(err)
	}
	for _, s := range mon.Settings() {
		if s.Name == "OTEL_SERVICE_NAME" || s.Name == "OTEL_BSP_MAX_QUEUE_SIZE" {
			fmt.Printf("%s=%s (%s)\n", s.Name, s.Value, s.Source)
		}
	}
	// Output:
	// OTEL_BSP_MAX_QUEUE_SIZE=2048 (default)
	// OTEL_SERVICE_NAME=shop (code Config.Service)
}

// The level is raised while the program runs.
func ExampleMonitor_LogLevel() {
	mon, err := otelmon.Start(context.Background(), otelmon.Config{Exporters: "none", LogOutput: os.Stdout})
	if err != nil {
		panic(err)
	}
	mon.LogLevel().Set(slog.LevelDebug)
	fmt.Println(mon.Logger().Enabled(context.Background(), slog.LevelDebug))
	// Output: true
}

// One line makes a span, a duration and an error status.
func ExampleBegin() {
	charge := func(ctx context.Context, cents int) (err error) {
		ctx, end := otelmon.Begin(ctx, "charge-card", attribute.Int("cents", cents))
		defer end(&err)

		_ = ctx // for what is called from here
		return errors.New("declined")
	}
	fmt.Println(charge(context.Background(), 1999))
	// Output: declined
}

// With builds the attribute set once; Add then costs no allocation.
func ExampleNewCounter() {
	orders := otelmon.NewCounter("shop.orders", "{order}", "Orders taken.")
	taken := orders.With(attribute.String("shop.order.result", "taken"))
	refused := orders.With(attribute.String("shop.order.result", "refused"))

	ctx := context.Background()
	taken.Add(ctx, 1)
	refused.Add(ctx, 1)
	// Output:
}

// A timer records seconds in buckets that fit.
func ExampleNewTimer() {
	render := otelmon.NewTimer("shop.page.render.duration", "Time to render a page.")
	func(ctx context.Context) {
		defer render.Since(ctx, time.Now())
	}(context.Background())
	// Output:
}

// Strangers reach this server: their sampled flag and baggage count for
// nothing. The console is not traced.
func ExampleHandler() {
	mux := http.NewServeMux()
	handler := otelmon.Handler(mux, otelmon.Public(), otelmon.Untraced("/debug/otelmon/"))
	fmt.Println(handler != nil)
	// Output: true
}

// Requests carry the trace to the next service.
func ExampleTransport() {
	client := http.Client{Transport: otelmon.Transport(nil), Timeout: 5 * time.Second}
	fmt.Println(client.Timeout)
	// Output: 5s
}
