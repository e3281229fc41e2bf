package endpoint_test

import (
	"testing"

	"github.com/otelmon/otelmon-go/internal/endpoint"
	"github.com/otelmon/otelmon-go/internal/settings"
)

func TestOf(t *testing.T) {
	set, err := settings.Resolve([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://all", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=https://logs/x", "OTEL_METRICS_EXPORTER=console",
		"OTEL_EXPORTER_OTLP_HEADERS=k=v",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	traces, metrics, logs := endpoint.Of(set, settings.Traces), endpoint.Of(set, settings.Metrics), endpoint.Of(set, settings.Logs)
	if traces.URL != "https://all" || traces.Exact || traces.Headers["k"] != "v" || metrics != nil || logs.URL != "https://logs/x" || !logs.Exact {
		t.Errorf("%+v, %+v, %+v", traces, metrics, logs)
	}
}

func TestFaults(t *testing.T) {
	set, err := settings.Resolve([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://localhost:4317",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=/none.pem",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	faults := endpoint.Faults(set)
	if len(faults) != 3 {
		t.Fatalf("%v, want the general one once and two of logs", faults)
	}
	if f := faults[0]; f.Variable != "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" || f.Source != "environment OTEL_EXPORTER_OTLP_ENDPOINT" {
		t.Errorf("%+v", f)
	}
	if f := faults[1]; f.Source != "environment OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" {
		t.Errorf("%+v", f)
	}
}
