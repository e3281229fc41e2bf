package otelmon

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/goruntime"
	"github.com/otelmon/otelmon-go/internal/settings"
)

func (m *Monitor) metrics(ctx context.Context, set *settings.Set, res *resource.Resource, taps []Tap, console *exporters.Console, started time.Time) (metric.MeterProvider, error) {
	options := []sdkmetric.Option{
		sdkmetric.WithResource(res),
		sdkmetric.WithExemplarFilter(exemplarFilter(set.String("OTEL_METRICS_EXEMPLAR_FILTER"))),
	}
	for _, tap := range taps {
		if r := tap.MetricReader(); r != nil {
			options = append(options, sdkmetric.WithReader(r))
		}
	}
	var all []sdkmetric.Exporter
	if sendsOTLP(set, settings.Metrics) {
		all = append(all, m.outbox.MetricExporter())
	}
	if writesToConsole(set, settings.Metrics) {
		e, err := console.Metrics(ctx, sdkmetric.CumulativeTemporalitySelector, sdkmetric.DefaultAggregationSelector)
		if err != nil {
			return nil, fmt.Errorf("console exporter of metrics: %w", err)
		}
		all = append(all, e)
	}
	for _, e := range all {
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(
			e,
			sdkmetric.WithInterval(atLeast(set.Duration("OTEL_METRIC_EXPORT_INTERVAL"))),
			sdkmetric.WithTimeout(set.Duration("OTEL_METRIC_EXPORT_TIMEOUT")),
			sdkmetric.WithProducer(goruntime.NewHistograms(started)),
		)))
	}
	p := sdkmetric.NewMeterProvider(options...)
	m.pipelines = append(m.pipelines, pipeline{p})
	m.meters = newMeterProvider(p)
	return m.meters, nil
}

func exemplarFilter(name string) exemplar.Filter {
	switch name {
	case "always_on":
		return exemplar.AlwaysOnFilter
	case "always_off":
		return exemplar.AlwaysOffFilter
	}
	return exemplar.TraceBasedFilter
}

// observe registers the metrics of the Go runtime and of the process.
func observe(meters metric.MeterProvider, started time.Time) error {
	if err := runtime.Start(runtime.WithMeterProvider(meters)); err != nil {
		return fmt.Errorf("runtime metrics: %w", err)
	}
	return observeProcess(meters, started)
}
