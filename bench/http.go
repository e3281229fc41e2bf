package main

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/otelmon"
)

const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// httpServers has otelhttp around the same mux. With the providers given, it
// need not look them up for each request, so this is otelhttp at its best.
func httpServers(raw *rawSDK) []pair {
	otelHandler := func(next http.Handler, options ...otelhttp.Option) http.Handler {
		return otelhttp.NewHandler(next, "", append([]otelhttp.Option{
			otelhttp.WithTracerProvider(raw.tracers),
			otelhttp.WithMeterProvider(raw.meters),
			otelhttp.WithPropagators(raw.headers),
		}, options...)...)
	}
	public := []otelhttp.Option{
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithPropagators(propagation.TraceContext{}),
	}
	request := must(http.NewRequest(http.MethodGet, "http://shop.example/orders/17", http.NoBody))
	request.RemoteAddr = "192.0.2.7:50000"
	request.Header.Set("User-Agent", "bench/1")
	traced := request.Clone(request.Context())
	traced.Header.Set("Traceparent", caller)
	probe := request.Clone(request.Context())
	probe.URL.Path = "/readyz"
	return []pair{
		{
			name: "http server", bound: notSlower(),
			ours: serve(otelmon.Handler(shop()), request), other: serve(otelHandler(shop()), request),
		},
		{
			name: "http server, route set by hand", bound: notSlower(),
			ours: serve(otelmon.Handler(shop()), request), other: serve(otelHandler(routed(shop())), request),
		},
		{
			name: "http server, traced caller", bound: notSlower(),
			ours: serve(otelmon.Handler(shop()), traced), other: serve(otelHandler(shop()), traced),
		},
		{
			name: "http server, public", bound: notSlower(),
			ours:  serve(otelmon.Handler(shop(), otelmon.Public()), traced),
			other: serve(otelHandler(shop(), public...), traced),
		},
		{
			name: "http server, health probe (bare mux)",
			ours: serve(otelmon.Handler(shop()), probe), other: serve(shop(), probe),
		},
	}
}

func httpClients(raw *rawSDK) []pair {
	request := must(http.NewRequest(http.MethodGet, "http://shop.example/orders/17", http.NoBody))
	return []pair{{
		name: "http client", bound: notSlower(),
		ours: roundTrip(otelmon.Transport(answer{}), request),
		other: roundTrip(otelhttp.NewTransport(
			answer{},
			otelhttp.WithTracerProvider(raw.tracers),
			otelhttp.WithMeterProvider(raw.meters),
			otelhttp.WithPropagators(raw.headers),
		), request),
	}}
}

func shop() http.Handler {
	mux := http.NewServeMux()
	body := []byte("ok\n")
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }
	mux.HandleFunc("GET /orders/{id}", ok)
	mux.HandleFunc("GET /readyz", ok)
	return mux
}

// routed is the least that gives otelhttp outside of a mux the route.
func routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if i := strings.IndexByte(r.Pattern, '/'); i >= 0 {
			trace.SpanFromContext(r.Context()).SetAttributes(semconv.HTTPRoute(r.Pattern[i:]))
		}
	})
}

func serve(h http.Handler, r *http.Request) work {
	return func(n int) {
		w := nowhere{http.Header{}}
		for range n {
			h.ServeHTTP(w, r)
		}
	}
}

type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w nowhere) WriteHeader(int)             {}

func roundTrip(t http.RoundTripper, r *http.Request) work {
	return func(n int) {
		for range n {
			res := must(t.RoundTrip(r)) //nolint:bodyclose // closed in the next line, which the linter does not see behind must
			must(0, res.Body.Close())
		}
	}
}

// answer is a server without a network.
type answer struct{}

func (answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}
