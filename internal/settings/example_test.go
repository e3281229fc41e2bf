package settings_test

import (
	"fmt"

	"github.com/otelmon/otelmon-go/internal/settings"
)

func ExampleResolve() {
	environ := []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://otlp.example.com",
		"OTEL_EXPORTER_OTLP_HEADERS=api-key=s3cret",
		"OTEL_SERVICE_NAM=shop",
	}
	set, err := settings.Resolve(environ, []settings.Code{{Name: "OTEL_SERVICE_NAME", Field: "Config.Service", Value: "shop"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range set.All() {
		if s.Source != "default" && len(s.Name) < 30 {
			fmt.Println(s.Name, "=", s.Value, "from", s.Source)
		}
	}
	fmt.Println(set.Warnings()[0])
	// Output:
	// OTEL_EXPORTER_OTLP_ENDPOINT = https://otlp.example.com from environment OTEL_EXPORTER_OTLP_ENDPOINT
	// OTEL_EXPORTER_OTLP_HEADERS = api-key=[redacted] from environment OTEL_EXPORTER_OTLP_HEADERS
	// OTEL_SERVICE_NAME = shop from code Config.Service
	// "OTEL_SERVICE_NAM" is unknown and has no effect; did you mean OTEL_SERVICE_NAME?
}
