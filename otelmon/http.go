package otelmon

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// HandlerOption changes what [Handler] does.
type HandlerOption interface{ apply(*handlerConfig) }

type handlerConfig struct {
	public   bool
	untraced []string
}

type handlerOption func(*handlerConfig)

func (o handlerOption) apply(c *handlerConfig) { o(c) }

// Public is for servers that strangers reach. A request's trace context is
// then linked to instead of continued, so that its sampled flag forces
// nothing; its baggage is dropped; and its Host header is on no metric, where
// made-up names would crowd out the real series.
func Public() HandlerOption {
	return handlerOption(func(c *handlerConfig) { c.public = true })
}

// Untraced leaves requests whose path begins with one of the prefixes out of
// traces and HTTP metrics: an embedded console, a scrape endpoint, assets.
func Untraced(prefixes ...string) HandlerOption {
	return handlerOption(func(c *handlerConfig) { c.untraced = append(c.untraced, prefixes...) })
}

// Handler instruments next: a server span for each request, named after the
// route that an [http.ServeMux] inside it matched ("GET /orders/{id}"), and
// the HTTP server metrics of the semantic conventions. Health probes
// (/livez, /readyz, /startupz and /healthz, at the root) are neither traced
// nor counted. It wraps otelhttp and uses the global providers, so it may be
// called before [Start]. The handler is safe for concurrent use.
//
// A middleware between Handler and the mux that replaces the request
// (r.WithContext) hides the route: put Handler next to the mux. A handler that
// panics ends its span as failed; otelhttp measures such requests not.
func Handler(next http.Handler, opts ...HandlerOption) http.Handler {
	var cfg handlerConfig
	for _, o := range opts {
		o.apply(&cfg)
	}
	options := []otelhttp.Option{
		otelhttp.WithTracerProvider(otel.GetTracerProvider()),
		otelhttp.WithSpanNameFormatter(serverSpanName),
		otelhttp.WithFilter(func(r *http.Request) bool { return traced(r.URL.Path, cfg.untraced) }),
	}
	if !cfg.public {
		return otelhttp.NewHandler(routed(next), "", options...)
	}
	options = append(
		options,
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithPropagators(propagation.TraceContext{}),
	)
	return hideHost(otelhttp.NewHandler(showHost(routed(next)), "", options...))
}

type hostKey struct{}

// hideHost takes the Host header away until showHost gives it back.
func hideHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hidden := r.WithContext(context.WithValue(r.Context(), hostKey{}, r.Host))
		hidden.Host = ""
		next.ServeHTTP(w, hidden)
	})
}

func showHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host, _ = r.Context().Value(hostKey{}).(string)
		next.ServeHTTP(w, r)
		r.Host = ""
	})
}

// serverSpanName is method and route, as the conventions ask for. It is asked
// twice: at first, when no route is known, and after the mux. A pattern that
// begins with the method is the name already, which spares building it.
func serverSpanName(_ string, r *http.Request) string {
	route := strings.IndexByte(r.Pattern, '/')
	if route < 0 {
		return method(r)
	}
	if route == len(r.Method)+1 && strings.HasPrefix(r.Pattern, r.Method) {
		return r.Pattern
	}
	return method(r) + " " + r.Pattern[route:]
}

// routed puts the route on the span, which otelhttp does only when it stands
// inside the mux, and a panic's status. It does not recover, so that the stack
// stays whole for who does.
func routed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		returned := false
		defer func() {
			span := trace.SpanFromContext(r.Context())
			if i := strings.IndexByte(r.Pattern, '/'); i >= 0 {
				span.SetAttributes(semconv.HTTPRoute(r.Pattern[i:]))
			}
			if !returned {
				span.SetName(serverSpanName("", r))
				span.SetAttributes(attribute.String(keys.ErrorType, "panic"))
				span.SetStatus(codes.Error, "the handler panicked")
			}
		}()
		next.ServeHTTP(w, r)
		returned = true
	})
}

func traced(path string, untraced []string) bool {
	switch path {
	case "/livez", "/readyz", "/startupz", "/healthz":
		return false
	}
	for _, prefix := range untraced {
		if strings.HasPrefix(path, prefix) {
			return false
		}
	}
	return true
}

// Transport instruments base, or [http.DefaultTransport] when base is nil: a
// client span for each request, its context passed on in the headers, and the
// HTTP client metrics of the semantic conventions. It wraps otelhttp and uses
// the global providers, so it may be called before [Start]. It is safe for
// concurrent use when base is.
func Transport(base http.RoundTripper) http.RoundTripper {
	return otelhttp.NewTransport(
		base,
		otelhttp.WithTracerProvider(otel.GetTracerProvider()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return method(r) }),
	)
}

// method is the request's method, or HTTP when strangers made it up: span names
// must be few.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, "":
		return http.MethodGet
	case http.MethodConnect, http.MethodDelete, http.MethodHead, http.MethodOptions, http.MethodPatch,
		http.MethodPost, http.MethodPut, http.MethodTrace, "QUERY":
		return r.Method
	}
	return "HTTP"
}
