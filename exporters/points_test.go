package exporters

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestEveryKindOfPointCounts(t *testing.T) {
	var all []metricdata.Metrics
	for _, data := range []metricdata.Aggregation{
		metricdata.Gauge[int64]{DataPoints: make([]metricdata.DataPoint[int64], 1)},
		metricdata.Gauge[float64]{DataPoints: make([]metricdata.DataPoint[float64], 2)},
		metricdata.Sum[int64]{DataPoints: make([]metricdata.DataPoint[int64], 4)},
		metricdata.Sum[float64]{DataPoints: make([]metricdata.DataPoint[float64], 8)},
		metricdata.Histogram[int64]{DataPoints: make([]metricdata.HistogramDataPoint[int64], 16)},
		metricdata.Histogram[float64]{DataPoints: make([]metricdata.HistogramDataPoint[float64], 32)},
		metricdata.ExponentialHistogram[int64]{DataPoints: make([]metricdata.ExponentialHistogramDataPoint[int64], 64)},
		metricdata.ExponentialHistogram[float64]{DataPoints: make([]metricdata.ExponentialHistogramDataPoint[float64], 128)},
		metricdata.Summary{DataPoints: make([]metricdata.SummaryDataPoint, 256)},
		nil,
	} {
		all = append(all, metricdata.Metrics{Data: data})
	}
	if n := points(&metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: all}}}); n != 511 {
		t.Errorf("%d points, want 511", n)
	}
}
