package exporters_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
)

// All signals at once: every line must still be one JSON document.
func TestConsoleLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	console := exporters.NewConsole(&out)
	traces, err := console.Traces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := console.Metrics(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := console.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _ = traces.ExportSpans(t.Context(), spansOf(2)) })
		all.Go(func() { _ = metrics.Export(t.Context(), collectionOf(1)) })
		all.Go(func() { _ = logs.Export(t.Context(), recordsOf(2)) })
	}
	all.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 20*(2+1+2) {
		t.Errorf("%d lines, want 100", len(lines))
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("torn line %.200q", line)
		}
	}
}

func TestConsoleSelectors(t *testing.T) {
	m, err := exporters.NewConsole(nil).Metrics(t.Context(), sdkmetric.DeltaTemporalitySelector, func(sdkmetric.InstrumentKind) sdkmetric.Aggregation {
		return sdkmetric.AggregationDrop{}
	})
	if err != nil {
		t.Fatal(err)
	}
	if m.Temporality(sdkmetric.InstrumentKindCounter) != metricdata.DeltaTemporality {
		t.Error("temporality is not what was asked for")
	}
	if _, ok := m.Aggregation(sdkmetric.InstrumentKindCounter).(sdkmetric.AggregationDrop); !ok {
		t.Error("aggregation is not what was asked for")
	}
}

func ExampleNewConsole() {
	spans, err := exporters.NewConsole(nil).Traces(context.Background())
	if err != nil {
		panic(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	_ = provider.Shutdown(context.Background())
	// Output:
}
