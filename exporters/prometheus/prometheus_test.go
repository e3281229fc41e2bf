package prometheus_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otelmon/otelmon-go/exporters/prometheus"
)

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("scrape answered %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestScrapeServesMetricsUnderPrometheusNames(t *testing.T) {
	s, err := prometheus.New()
	if err != nil {
		t.Fatal(err)
	}
	p := sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.MetricReader()))
	orders, err := p.Meter("test").Int64Counter("shop.orders", metric.WithUnit("{order}"))
	if err != nil {
		t.Fatal(err)
	}
	orders.Add(t.Context(), 3)

	body := scrape(t, s)
	if want := `shop_orders_total{`; !strings.Contains(body, want) {
		t.Errorf("no %s in\n%s", want, body)
	}
	for _, name := range []string{"go_schedule_duration_seconds", "go_memory_gc_pause_duration_seconds"} {
		if n := strings.Count(body, "\n"+name); n < 3 || n > 16 {
			t.Errorf("%s is %d series", name, n)
		}
	}

	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if body := scrape(t, s); strings.Contains(body, "shop_orders") {
		t.Errorf("metrics after the provider's shutdown:\n%s", body)
	}
}

func TestTwoHandlersDoNotMeet(t *testing.T) {
	for range 2 {
		if _, err := prometheus.New(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyMetricsAreTapped(t *testing.T) {
	s, err := prometheus.New()
	if err != nil {
		t.Fatal(err)
	}
	if s.SpanProcessor() != nil || s.LogProcessor() != nil {
		t.Error("the scrape handler asks for spans or logs")
	}
}
