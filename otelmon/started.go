package otelmon

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// announce tells the taps the effective settings, as an event. Backends do not
// get it: what files and proxies a process was given is for those who look at the
// process itself.
func (m *Monitor) announce(ctx context.Context, res *resource.Resource, taps []sdklog.Processor) {
	options := []sdklog.LoggerProviderOption{
		sdklog.WithResource(res), sdklog.WithAttributeCountLimit(-1), sdklog.WithAttributeValueLengthLimit(-1),
	}
	for _, p := range taps {
		options = append(options, sdklog.WithProcessor(p))
	}
	var names, values, sources []string
	for _, s := range m.settings {
		names, values, sources = append(names, s.Name), append(values, s.Value), append(sources, s.Source)
	}
	var r log.Record
	r.SetTimestamp(time.Now())
	r.SetSeverity(log.SeverityInfo)
	r.SetEventName(keys.EventStarted)
	r.SetBody(attribute.StringValue("telemetry has started"))
	r.AddAttributes(
		attribute.StringSlice(keys.SettingNames, names),
		attribute.StringSlice(keys.SettingValues, values),
		attribute.StringSlice(keys.SettingSources, sources),
	)
	// It has no goroutine, and its processors are shut down with the pipeline.
	sdklog.NewLoggerProvider(options...).Logger(keys.ScopeOtelmon).Emit(ctx, r)
}
