package exporters

import (
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// Temporality returns the selector for a value of
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: cumulative, which "" means
// as well, delta or lowmemory.
func Temporality(preference string) (sdkmetric.TemporalitySelector, error) {
	switch preference {
	case "", "cumulative":
		return sdkmetric.CumulativeTemporalitySelector, nil
	case "delta":
		return sdkmetric.DeltaTemporalitySelector, nil
	case "lowmemory":
		return sdkmetric.LowMemoryTemporalitySelector, nil
	}
	return nil, fmt.Errorf("temporality %.100q: allowed are cumulative, delta and lowmemory", preference)
}

// Aggregation returns the selector for a value of
// OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION:
// explicit_bucket_histogram, which "" means as well, or
// base2_exponential_bucket_histogram.
func Aggregation(histogram string) (sdkmetric.AggregationSelector, error) {
	switch histogram {
	case "", "explicit_bucket_histogram":
		return sdkmetric.DefaultAggregationSelector, nil
	case "base2_exponential_bucket_histogram":
		return exponential, nil
	}
	return nil, fmt.Errorf("histogram aggregation %.100q: allowed are explicit_bucket_histogram and base2_exponential_bucket_histogram", histogram)
}

// exponential replaces the explicit buckets by the exponential histogram with
// the size and scale that the specification gives as default.
func exponential(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	if kind == sdkmetric.InstrumentKindHistogram {
		return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
	}
	return sdkmetric.DefaultAggregationSelector(kind)
}
