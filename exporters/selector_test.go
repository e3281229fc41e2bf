package exporters_test

import (
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelmon/otelmon-go/exporters"
)

func TestTemporality(t *testing.T) {
	const delta, cumulative = metricdata.DeltaTemporality, metricdata.CumulativeTemporality
	for preference, want := range map[string][3]metricdata.Temporality{
		"":           {cumulative, cumulative, cumulative},
		"cumulative": {cumulative, cumulative, cumulative},
		"delta":      {delta, delta, cumulative},
		"lowmemory":  {delta, cumulative, cumulative},
	} {
		selector, err := exporters.Temporality(preference)
		if err != nil {
			t.Fatal(err)
		}
		got := [3]metricdata.Temporality{
			selector(sdkmetric.InstrumentKindCounter), selector(sdkmetric.InstrumentKindObservableCounter), selector(sdkmetric.InstrumentKindUpDownCounter),
		}
		if got != want {
			t.Errorf("%q: %v, want %v", preference, got, want)
		}
	}
	if _, err := exporters.Temporality("both"); err == nil {
		t.Error("an unknown preference is accepted")
	}
}

func TestAggregation(t *testing.T) {
	exponential, err := exporters.Aggregation("base2_exponential_bucket_histogram")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := exponential(sdkmetric.InstrumentKindHistogram).(sdkmetric.AggregationBase2ExponentialHistogram); !ok {
		t.Error("histograms are not exponential")
	}
	if _, ok := exponential(sdkmetric.InstrumentKindCounter).(sdkmetric.AggregationSum); !ok {
		t.Error("counters are no sums any more")
	}
	for _, name := range []string{"", "explicit_bucket_histogram"} {
		explicit, err := exporters.Aggregation(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := explicit(sdkmetric.InstrumentKindHistogram).(sdkmetric.AggregationExplicitBucketHistogram); !ok {
			t.Errorf("%q: histograms are not explicit", name)
		}
	}
	if _, err := exporters.Aggregation("round"); err == nil {
		t.Error("an unknown aggregation is accepted")
	}
}

// The selectors reach the exporter, whatever the environment says.
func TestSelectorsReachTheExporter(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "lowmemory")
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram")
	for _, temporality := range []sdkmetric.TemporalitySelector{nil, sdkmetric.DeltaTemporalitySelector} {
		o := to(exporters.Endpoint{})
		o.Temporality = temporality
		m := newSource(t, o).box.MetricExporter()
		want := metricdata.CumulativeTemporality
		if temporality != nil {
			want = metricdata.DeltaTemporality
		}
		if got := m.Temporality(sdkmetric.InstrumentKindCounter); got != want {
			t.Errorf("temporality %v, want %v", got, want)
		}
		if _, ok := m.Aggregation(sdkmetric.InstrumentKindHistogram).(sdkmetric.AggregationExplicitBucketHistogram); !ok {
			t.Error("aggregation from the environment")
		}
	}
}
