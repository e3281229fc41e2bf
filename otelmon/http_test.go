package otelmon

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func propagate(t *testing.T) {
	t.Helper()
	old := otel.GetTextMapPropagator()
	otel.SetTextMapPropagator(propagators([]string{"tracecontext", "baggage"}))
	t.Cleanup(func() { otel.SetTextMapPropagator(old) })
}

func get(t *testing.T, h http.Handler, path string, headers ...string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
}

func TestHandlerNamesSpansByRoute(t *testing.T) {
	r := record(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(http.ResponseWriter, *http.Request) {})
	h := Handler(mux)
	get(t, h, "/orders/4711")
	get(t, h, "/nowhere")

	spans := r.spans.Ended()
	if len(spans) != 2 || spans[0].Name() != "GET /orders/{id}" || spans[1].Name() != "GET" {
		t.Fatalf("got %v", names(spans))
	}
	if spans[0].SpanKind() != trace.SpanKindServer {
		t.Errorf("kind %v", spans[0].SpanKind())
	}
	set := attribute.NewSet(spans[0].Attributes()...)
	if route, _ := set.Value("http.route"); route.AsString() != "/orders/{id}" {
		t.Errorf("http.route is %q", route.AsString())
	}
	routes := map[string]bool{}
	for _, p := range r.collect(t, "http.server.request.duration").Data.(metricdata.Histogram[float64]).DataPoints {
		route, _ := p.Attributes.Value("http.route")
		routes[route.AsString()] = true
	}
	if !routes["/orders/{id}"] || routes["/orders/4711"] {
		t.Errorf("routes %v", routes)
	}
}

func names(spans []sdktrace.ReadOnlySpan) (all []string) {
	for _, s := range spans {
		all = append(all, s.Name())
	}
	return all
}

func TestHealthProbesLeaveNoTrace(t *testing.T) {
	r := record(t)
	served := 0
	h := Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }), Untraced("/debug/", "/metrics"))
	for _, path := range []string{"/livez", "/readyz", "/startupz", "/healthz", "/debug/otelmon/", "/metrics"} {
		get(t, h, path)
	}
	if served != 6 || len(r.spans.Ended()) != 0 {
		t.Errorf("%d served, %v traced", served, names(r.spans.Ended()))
	}
	var rm metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	if len(rm.ScopeMetrics) != 0 {
		t.Errorf("probes were counted: %+v", rm.ScopeMetrics)
	}
	get(t, h, "/livezz")
	if len(r.spans.Ended()) != 1 {
		t.Error("another path was taken for a probe")
	}
}

// stranger is a caller that sets the sampled flag.
const stranger = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestPublicHandlerTrustsNobody(t *testing.T) {
	r := record(t)
	propagate(t)
	otel.SetTracerProvider(sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(r.spans), sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())),
	))
	var members int
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { members = baggage.FromContext(r.Context()).Len() })

	get(t, Handler(h), "/", "traceparent", stranger, "baggage", "a=1")
	if len(r.spans.Ended()) != 1 || members != 1 {
		t.Fatalf("inside, %d spans and %d members of baggage", len(r.spans.Ended()), members)
	}
	get(t, Handler(h, Public()), "/", "traceparent", stranger, "baggage", "a=1")
	if len(r.spans.Ended()) != 1 {
		t.Error("a stranger forced sampling")
	}
	if members != 0 {
		t.Error("a stranger brought baggage in")
	}
}

func TestPublicHandlerKeepsMadeUpHostsOffMetrics(t *testing.T) {
	r := record(t)
	mux := http.NewServeMux()
	var seen string
	mux.HandleFunc("GET shop.example/", func(_ http.ResponseWriter, r *http.Request) { seen = r.Host })
	h := Handler(mux, Public())
	for _, host := range []string{"shop.example", "a.example:1", "b.example:2"} {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Host = host
		h.ServeHTTP(httptest.NewRecorder(), req)
		if req.Host != host {
			t.Errorf("the caller's request now says %q", req.Host)
		}
	}
	if seen != "shop.example" {
		t.Errorf("the handler sees the host %q", seen)
	}
	for _, p := range r.collect(t, "http.server.request.duration").Data.(metricdata.Histogram[float64]).DataPoints {
		if host, _ := p.Attributes.Value("server.address"); host.AsString() != "" || p.Attributes.HasValue("server.port") {
			t.Errorf("a metric tells %v", p.Attributes.ToSlice())
		}
	}
}

func TestPanickingHandlerEndsItsSpanAsFailed(t *testing.T) {
	r := record(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(http.ResponseWriter, *http.Request) { panic("boom") })
	func() {
		defer func() {
			if v := recover(); v != "boom" {
				t.Errorf("recovered %v", v)
			}
		}()
		get(t, Handler(mux), "/orders/1")
	}()
	span := r.spans.Ended()[0]
	set := attribute.NewSet(span.Attributes()...)
	class, _ := set.Value("error.type")
	if span.Name() != "GET /orders/{id}" || span.Status().Code != codes.Error || class.AsString() != "panic" {
		t.Errorf("%s %+v %v", span.Name(), span.Status(), set.ToSlice())
	}
}

func TestPublicHandlerLinksToTheCaller(t *testing.T) {
	r := record(t)
	get(t, Handler(http.NotFoundHandler(), Public()), "/", "traceparent", stranger)
	span := r.spans.Ended()[0]
	if span.Parent().IsValid() || len(span.Links()) != 1 || span.Links()[0].SpanContext.TraceID().String() != stranger[3:35] {
		t.Errorf("parent %v, links %v", span.Parent(), span.Links())
	}
}

func TestSpanNamesAreFew(t *testing.T) {
	for _, tc := range []struct{ method, pattern, want string }{
		{"", "", "GET"},
		{"PATCH", "", "PATCH"},
		{"BREW-4711", "", "HTTP"},
		{"GET", "GET /orders/{id}", "GET /orders/{id}"},
		{"HEAD", "GET /orders/{id}", "HEAD /orders/{id}"},
		{"GET", "GET example.com/orders/", "GET /orders/"},
		{"POST", "/", "POST /"},
		{"POST", "example.com/", "POST /"},
		{"BREW-4711", "/", "HTTP /"},
	} {
		if got := serverSpanName("", &http.Request{Method: tc.method, Pattern: tc.pattern}); got != tc.want {
			t.Errorf("%+v is %q", tc, got)
		}
	}
}

func TestTransportPassesTheTraceOn(t *testing.T) {
	r := record(t)
	propagate(t)
	server := httptest.NewServer(Handler(http.NotFoundHandler()))
	defer server.Close()
	client := http.Client{Transport: Transport(server.Client().Transport)}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	server.Close()
	var in, out sdktrace.ReadOnlySpan
	for _, s := range r.spans.Ended() {
		if s.SpanKind() == trace.SpanKindServer {
			in = s
		} else {
			out = s
		}
	}
	if in == nil || out == nil || in.Parent().SpanID() != out.SpanContext().SpanID() {
		t.Errorf("server %v, client %v", in, out)
	}
}
