package prometheus

import (
	"fmt"
	"net/http"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/internal/goruntime"
)

// maxScrapes bounds the scrapes that run at the same time; more get 503.
const maxScrapes = 4

// Scrape is a tap for metrics and the handler that serves them. It is safe for
// concurrent use. The monitor that it is given to shuts it down; after that,
// and before that monitor starts, it serves no metrics.
type Scrape struct {
	reader  sdkmetric.Reader
	handler http.Handler
}

// New returns a scrape handler with a registry of its own, so that nothing is
// added to or taken from the client library's default one. Names are those of
// the OpenTelemetry specification for Prometheus: underscores, unit and "total"
// as suffixes.
func New() (*Scrape, error) {
	registry := client.NewRegistry()
	reader, err := prometheus.New(
		prometheus.WithRegisterer(registry),
		prometheus.WithProducer(goruntime.NewHistograms(time.Now())),
	)
	if err != nil {
		return nil, fmt.Errorf("prometheus scrape handler: %w", err)
	}
	return &Scrape{reader: reader, handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		// One metric that cannot be told must not hide the others.
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
		EnableOpenMetrics:   true,
	})}, nil
}

// ServeHTTP answers a scrape in the text format that the client accepts.
func (s *Scrape) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// MetricReader returns the reader that the handler serves from.
func (s *Scrape) MetricReader() sdkmetric.Reader { return s.reader }

// SpanProcessor returns nil: metrics only.
func (s *Scrape) SpanProcessor() sdktrace.SpanProcessor { return nil }

// LogProcessor returns nil: metrics only.
func (s *Scrape) LogProcessor() sdklog.Processor { return nil }
