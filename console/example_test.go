package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/console"
)

// The console behind a tracer provider that the program sets up itself. With
// otelmon, give it to otelmon.Config.Taps instead.
func ExampleNew() {
	con := console.New(console.Options{})
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(con.SpanProcessor()))
	defer func() { _ = tp.Shutdown(context.Background()) }()

	mux := http.NewServeMux()
	mux.Handle("/debug/otelmon/", con.Handler())
	server := httptest.NewServer(mux)
	defer server.Close()

	_, span := tp.Tracer("example").Start(context.Background(), "charge-card")
	span.End()

	resp, err := http.Get(server.URL + "/debug/otelmon/traces")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// Behind a login of your own, the console may be shown to other machines.
func ExampleOptions_allowRemote() {
	isAdmin := func(r *http.Request) bool {
		user, password, ok := r.BasicAuth()
		return ok && user == "admin" && password == "correct horse"
	}
	con := console.New(console.Options{AllowRemote: isAdmin})
	http.Handle("/debug/otelmon/", con.Handler())
}
