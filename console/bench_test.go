package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/taptest"
)

// busy makes what bench/soak makes in a few seconds: requests of ten spans, some
// of which fail or say something, and series.
func busy(b *testing.B, r *rig) {
	b.Helper()
	now := time.Now().Add(-10 * time.Second)
	for i := range 3000 {
		begun := now.Add(time.Duration(i) * 3 * time.Millisecond)
		ctx, request := r.Span(b.Context(), "GET /orders/{id}", trace.WithTimestamp(begun), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.route", "/orders/{id}"), attribute.Int("http.response.status_code", 200)))
		for step := range 9 {
			_, s := r.Span(ctx, "order.query", trace.WithTimestamp(begun), trace.WithAttributes(attribute.Int("step", step)))
			if i%100 == 0 && step == 0 {
				s.SetStatus(codes.Error, "the price is not known")
				r.Log(ctx, log.SeverityWarn, "", fmt.Sprint("an order was not found: ", i))
			}
			s.End(trace.WithTimestamp(begun.Add(5 * time.Millisecond)))
		}
		request.End(trace.WithTimestamp(begun.Add(17 * time.Millisecond)))
	}
	for i := range 50 {
		h, err := r.MP.Meter("shop/checkout").Float64Histogram(fmt.Sprint("shop.duration.", i))
		if err != nil {
			b.Fatal(err)
		}
		for j := range 5 {
			h.Record(b.Context(), 0.01, metric.WithAttributes(attribute.Int("shelf", j)))
		}
	}
}

// BenchmarkAnswers is what one look costs.
func BenchmarkAnswers(b *testing.B) {
	x := New(Options{})
	r := &rig{x, taptest.New(b, x)}
	busy(b, r)
	h := x.Handler()
	for _, path := range []string{
		"", "traces", "logs", "metrics", "runtime", "control",
		"api/summary", "api/diagnosis?limit=1", "api/traces", "api/logs", "api/patterns", "api/history", "api/metrics", "api/control",
	} {
		b.Run("/"+path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := get(h, "/"+path)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// BenchmarkEvent is what each second of a stream costs.
func BenchmarkEvent(b *testing.B) {
	x := New(Options{})
	r := &rig{x, taptest.New(b, x)}
	busy(b, r)
	h, _ := x.Handler().(*handler)
	q := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/stream?at=", http.NoBody)
	for _, rel := range []string{"", "traces", "logs", "metrics"} {
		b.Run("/"+rel, func(b *testing.B) {
			var sent []string
			var err error
			b.ReportAllocs()
			for b.Loop() {
				if _, sent, err = h.news(q, rel, rel, ask{}, sent); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
