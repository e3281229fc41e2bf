module github.com/otelmon/otelmon-go/internal/tools/dashboards

go 1.26.7

replace github.com/otelmon/otelmon-go => ../../..

require (
	github.com/grafana/grafana-foundation-sdk/go v0.0.22
	github.com/otelmon/otelmon-go v0.0.0
	github.com/prometheus/otlptranslator v1.0.0
)
