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
func ExampleOptions() {
	isAdmin := func(r *http.Request) console.Scope {
		if user, password, _ := r.BasicAuth(); user == "admin" && password == "correct horse" {
			return console.ScopeAct
		}
		return console.ScopeNone
	}
	h := console.New(console.Options{MaxBytes: 64 << 20, Authorize: isAdmin}).Handler()

	r := httptest.NewRequest(http.MethodGet, "https://shop.example.com/", http.NoBody)
	r.RemoteAddr = "192.0.2.7:4711"
	stranger := httptest.NewRecorder()
	h.ServeHTTP(stranger, r)
	r.SetBasicAuth("admin", "correct horse")
	admin := httptest.NewRecorder()
	h.ServeHTTP(admin, r)
	fmt.Println(stranger.Code, admin.Code)
	// Output: 403 200
}
