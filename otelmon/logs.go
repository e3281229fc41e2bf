package otelmon

import (
	"context"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

func (m *Monitor) logs(ctx context.Context, set *settings.Set, res *resource.Resource, taps []Tap, console *exporters.Console) (*sdklog.LoggerProvider, error) {
	all, sent, err := opener[sdklog.Exporter]{
		signal:  settings.Logs,
		items:   "log records",
		otlp:    exporters.Endpoint.Logs,
		console: console.Logs,
		count:   (*exporters.Delivery).Logs,
	}.open(ctx, set)
	if err != nil {
		return nil, err
	}
	options := []sdklog.LoggerProviderOption{
		sdklog.WithResource(res),
		sdklog.WithAttributeCountLimit(set.Int("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT")),
		sdklog.WithAttributeValueDepthLimit(set.Int("OTEL_LOGRECORD_ATTRIBUTE_VALUE_DEPTH_LIMIT")),
		sdklog.WithAttributeValueLengthLimit(set.Int("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT")),
	}
	for _, tap := range taps {
		if p := tap.LogProcessor(); p != nil {
			options = append(options, sdklog.WithProcessor(p))
		}
	}
	made := new(tally)
	if len(sent) > 0 {
		options = append(options, sdklog.WithProcessor(made))
	}
	for _, e := range all {
		options = append(options, sdklog.WithProcessor(sdklog.NewBatchProcessor(
			e,
			sdklog.WithMaxQueueSize(set.Int("OTEL_BLRP_MAX_QUEUE_SIZE")),
			sdklog.WithExportMaxBatchSize(set.Int("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE")),
			sdklog.WithExportInterval(atLeast(set.Duration("OTEL_BLRP_SCHEDULE_DELAY"))),
			sdklog.WithExportTimeout(set.Duration("OTEL_BLRP_EXPORT_TIMEOUT")),
		)))
	}
	p := sdklog.NewLoggerProvider(options...)
	m.pipelines = append(m.pipelines, pipeline{p, sent, made})
	return p, nil
}
