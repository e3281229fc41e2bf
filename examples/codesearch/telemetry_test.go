package main

import "testing"

func TestWantsExport(t *testing.T) {
	for variable, want := range map[string]bool{
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318":        true,
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4318": true,
		"OTEL_LOGS_EXPORTER=console":                               true,
		"OTEL_EXPORTER_OTLP_ENDPOINT=":                             false,
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc":                         false,
		"OTEL_SERVICE_NAME=search":                                 false,
		"HOME=/root":                                               false,
	} {
		if got := wantsExport([]string{"PATH=/bin", variable}); got != want {
			t.Errorf("%s: %v", variable, got)
		}
	}
}
