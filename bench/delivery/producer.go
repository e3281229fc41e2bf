package main

import (
	"context"
	"net"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/exporters"
)

// The names of what is made; the receiver times the live ones.
const (
	spanName = "GET /orders/{id}"
	liveName = "GET /live/{id}"
)

// producer makes spans with eight attributes.
type producer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	attrs    [8]attribute.KeyValue
	made     int
}

func newProducer(p sdktrace.SpanProcessor) *producer {
	s := &producer{
		provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)),
		attrs: [8]attribute.KeyValue{
			attribute.String("http.request.method", "GET"), attribute.String("http.route", "/orders/{id}"),
			attribute.String("url.path", "/orders/4711"), attribute.Int("http.response.status_code", 200),
			attribute.String("server.address", "shop.example"), attribute.Int("server.port", 8443),
			attribute.String("network.protocol.version", "1.1"),
			{},
		},
	}
	s.tracer = s.provider.Tracer("delivery")
	return s
}

func (s *producer) span(name string) {
	s.made++
	s.attrs[7] = attribute.Int("order.id", s.made)
	_, span := s.tracer.Start(context.Background(), name, trace.WithAttributes(s.attrs[:]...))
	span.End()
}

func (s *producer) spans(n int) {
	for range n {
		s.span(spanName)
	}
}

// timed makes spans and appends the ns that each took.
func (s *producer) timed(n int, name string, took rounds) rounds {
	for range n {
		start := time.Now()
		s.span(name)
		took = append(took, float64(time.Since(start)))
	}
	return took
}

// steadily makes a span every millisecond until enough is closed.
func (s *producer) steadily(enough <-chan struct{}) (took rounds) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	for {
		select {
		case <-enough:
			return took
		case <-tick.C:
			// A tick that was late brings what is due with it.
			due := int(time.Since(start)/time.Millisecond) - len(took)
			took = s.timed(due, liveName, took)
		}
	}
}

// Exporters that drop.
type (
	noSpans   struct{}
	noRecords struct{}
)

func (noSpans) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (noSpans) Shutdown(context.Context) error                             { return nil }

func (noRecords) Export(context.Context, []sdklog.Record) error { return nil }
func (noRecords) ForceFlush(context.Context) error              { return nil }
func (noRecords) Shutdown(context.Context) error                { return nil }

// to returns the one destination of an outbox.
func to(url string) []exporters.Destination {
	return []exporters.Destination{exporters.To(exporters.Endpoint{URL: url})}
}

// vacantURL is one where nobody listens.
func vacantURL(ctx context.Context) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return "http://" + l.Addr().String(), l.Close()
}

// account returns how spans stand with the one destination.
func account(box *exporters.Outbox) exporters.Account { return box.Status().Accounts[exporters.Traces] }
