package otelmon

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// Config says what the program knows better than its environment. The zero
// Config works: everything comes from the OTEL_* variables and then from the
// defaults of the OpenTelemetry specification, which are OTLP over HTTP to
// http://localhost:4318. What is set here beats the environment.
type Config struct {
	// Service is service.name. Default: OTEL_SERVICE_NAME, then
	// "unknown_service:" and the program's name.
	Service string
	// Version is service.version. Default: what OTEL_RESOURCE_ATTRIBUTES says,
	// then the module version that the binary was built from, if it has one.
	Version string
	// Attributes are added to the resource. Default: none.
	Attributes []attribute.KeyValue

	// Endpoint is the URL that all three signals are sent to: http:// is plain
	// text, https:// is TLS. For OTLP over HTTP, /v1/traces and so on are
	// appended. Default: OTEL_EXPORTER_OTLP_ENDPOINT.
	Endpoint string
	// Protocol is "http/protobuf" or "grpc". Default:
	// OTEL_EXPORTER_OTLP_PROTOCOL, then "http/protobuf".
	Protocol string
	// Headers go with every OTLP request, for example an API key. They are
	// shown nowhere. Default: OTEL_EXPORTER_OTLP_HEADERS.
	Headers map[string]string
	// Exporters is a list of "otlp" and "console" for all three signals, or
	// "none". Default: OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and
	// OTEL_LOGS_EXPORTER, then "otlp".
	Exporters string

	// OutboxDir is a directory for this process alone, in which telemetry waits
	// until a backend has taken it, through outages, crashes and restarts. Default:
	// OTELMON_OUTBOX_DIR, then none: telemetry waits in memory, at most 32 MiB. So
	// it does while the directory's disk is full, read-only or broken.
	OutboxDir string
	// Mirrors are further backends that everything otlp is sent to as well. Each
	// has a name of its own. Default: none.
	Mirrors []exporters.Destination

	// Taps receive everything beside the exporters, for example a console or a
	// Prometheus scrape handler. Default: none.
	Taps []Tap
	// LogOutput is where [Monitor.Logger] writes beside OTLP, and where trouble
	// with telemetry is told. The writer stays the caller's to close. Default:
	// os.Stderr.
	LogOutput io.Writer
}

// Tap receives everything that the monitor records, beside the exporters and
// before them. The methods are called once, by [Start]; nil means that the
// signal is not wanted. What they return is shut down by [Monitor.Shutdown].
//
// A tap that also has the method AdoptLogLevel(*slog.LevelVar) is given the level
// of [Monitor.Logger], so that it can change it.
type Tap interface {
	SpanProcessor() sdktrace.SpanProcessor
	MetricReader() sdkmetric.Reader
	LogProcessor() sdklog.Processor
}

// Setting is one effective value and where it came from: "default",
// "environment" and a variable, or "code" and a field of [Config]. Values that
// may be secret are redacted.
type Setting struct{ Name, Value, Source string }

// code writes the fields as the variables that they beat.
func (c Config) code() []settings.Code {
	code := []settings.Code{
		{Name: "OTEL_SERVICE_NAME", Field: "Config.Service", Value: c.Service},
		{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Field: "Config.Endpoint", Value: c.Endpoint},
		{Name: "OTEL_EXPORTER_OTLP_PROTOCOL", Field: "Config.Protocol", Value: c.Protocol},
		{Name: "OTEL_EXPORTER_OTLP_HEADERS", Field: "Config.Headers", Value: settings.Pairs(c.Headers)},
		{Name: "OTELMON_OUTBOX_DIR", Field: "Config.OutboxDir", Value: c.OutboxDir},
	}
	for _, signal := range settings.Signals() {
		code = append(code, settings.Code{
			Name: "OTEL_" + string(signal) + "_EXPORTER", Field: "Config.Exporters", Value: c.Exporters,
		})
	}
	return code
}

// attributes are those that beat every detector.
func (c Config) attributes() []attribute.KeyValue {
	attrs := slices.Clone(c.Attributes)
	if c.Version != "" {
		attrs = append(attrs, semconv.ServiceVersion(c.Version))
	}
	if c.Service != "" {
		attrs = append(attrs, semconv.ServiceName(c.Service))
	}
	return attrs
}

// validate checks what is not a variable.
func (c Config) validate(set *settings.Set) error {
	var faults []error
	for i, tap := range c.Taps {
		if v := reflect.ValueOf(tap); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
			faults = append(faults, fmt.Errorf("code Config.Taps[%d]: is nil; leave it out", i))
		}
	}
	for _, a := range c.Attributes {
		if !a.Valid() {
			faults = append(faults, fmt.Errorf("code Config.Attributes: %.100q has no key or no value", string(a.Key)))
		}
	}
	if slices.Contains(set.Exporters(settings.Metrics), "prometheus") && !slices.ContainsFunc(c.Taps, isScraped) {
		faults = append(faults, fmt.Errorf(
			"%s: prometheus is pulled, so it needs a handler: add prometheus.New() of otelmon's exporters/prometheus to Config.Taps and serve it",
			set.Source("OTEL_METRICS_EXPORTER"),
		))
	}
	return errors.Join(faults...)
}

// isScraped tells a tap that serves metrics, such as exporters/prometheus.
func isScraped(tap Tap) bool {
	_, ok := tap.(http.Handler)
	return ok
}
