package exporters_test

import (
	"fmt"
	"os"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(victimOf); what != "" {
		victim(what)
		return
	}
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, o oteltest.Options) *oteltest.Receiver {
	t.Helper()
	r, err := oteltest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func authority(t *testing.T) *oteltest.Authority {
	t.Helper()
	a, err := oteltest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func endpoints(r *oteltest.Receiver) map[string]exporters.Endpoint {
	return map[string]exporters.Endpoint{
		"http": {URL: r.HTTPURL(), Protocol: exporters.ProtocolHTTP},
		"grpc": {URL: r.GRPCURL(), Protocol: exporters.ProtocolGRPC},
	}
}

// to is an outbox in memory for one endpoint.
func to(e exporters.Endpoint) exporters.Options {
	return exporters.Options{Destinations: []exporters.Destination{exporters.To(e)}}
}

func spansOf(items int) []sdktrace.ReadOnlySpan {
	stubs := make(tracetest.SpanStubs, items)
	for i := range stubs {
		stubs[i].Name = fmt.Sprint("span ", i)
	}
	return stubs.Snapshots()
}

func collectionOf(items int) *metricdata.ResourceMetrics {
	data := metricdata.Gauge[int64]{}
	for i := range items {
		data.DataPoints = append(data.DataPoints, metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.Int("i", i)), Value: 1})
	}
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Name: "gauge", Data: data}}}}}
}

func recordsOf(items int) []sdklog.Record {
	records := make([]sdklog.Record, items)
	for i := range records {
		records[i].SetBody(attribute.StringValue(fmt.Sprint("record ", i)))
	}
	return records
}
