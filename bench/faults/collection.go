package faults

import (
	"context"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// collection is what a reader of the metrics waits for. The SDK's limit of
// series is off, for it would drop most of the checks.
func collection(l library) outcome {
	if !l.metrics {
		return outcome{Facts: "has no metrics"}
	}
	open := func(hung int) (collect func() float64, closed func()) {
		reader := sdkmetric.NewManualReader()
		meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithCardinalityLimit(0))
		c := l.openCrowd(spec{every: 15 * time.Second, meters: meters}, many, hung, true)
		var all metricdata.ResourceMetrics
		return func() float64 {
			return timed(func() { must(0, reader.Collect(context.Background(), &all)) }) / many
		}, c.close
	}
	with, closeWith := open(manyHung)
	defer closeWith()
	without, closeWithout := open(0)
	defer closeWithout()
	return fight(8, with, without).outcome()
}
