package otelmon

import (
	"context"
	"fmt"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/endpoint"
	"github.com/otelmon/otelmon-go/internal/settings"
)

func (m *Monitor) logs(ctx context.Context, set *settings.Set, res *resource.Resource, taps []Tap, console *exporters.Console) (*sdklog.LoggerProvider, error) {
	options := []sdklog.LoggerProviderOption{
		sdklog.WithResource(res),
		sdklog.WithAttributeCountLimit(set.Int("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT")),
		sdklog.WithAttributeValueDepthLimit(set.Int("OTEL_LOGRECORD_ATTRIBUTE_VALUE_DEPTH_LIMIT")),
		sdklog.WithAttributeValueLengthLimit(set.Int("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT")),
	}
	var tapped []sdklog.Processor
	for _, tap := range taps {
		if p := tap.LogProcessor(); p != nil {
			options = append(options, sdklog.WithProcessor(p))
			tapped = append(tapped, p)
		}
	}
	if sendsOTLP(set, settings.Logs) {
		options = append(options, sdklog.WithProcessor(m.outbox.LogProcessor()))
	}
	if writesToConsole(set, settings.Logs) {
		e, err := console.Logs(ctx)
		if err != nil {
			return nil, fmt.Errorf("console exporter of logs: %w", err)
		}
		b := endpoint.Batching(set, "OTEL_BLRP_")
		options = append(options, sdklog.WithProcessor(sdklog.NewBatchProcessor(e, sdklog.WithMaxQueueSize(b.Queue), sdklog.WithExportMaxBatchSize(b.Largest),
			sdklog.WithExportInterval(b.Delay), sdklog.WithExportTimeout(set.Duration("OTEL_BLRP_EXPORT_TIMEOUT")))))
	}
	p := sdklog.NewLoggerProvider(options...)
	m.pipelines = append(m.pipelines, pipeline{p})
	m.announce(ctx, res, tapped)
	return p, nil
}
