package otelmon

import (
	"slices"
	"testing"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestSecondsGetBucketsThatFitUnlessTheCallerNamedSome(t *testing.T) {
	r := newRecorder()
	provider := newMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader)))
	m := provider.Meter("test")
	own := []float64{1, 2, 3}
	def := sdkmetric.DefaultAggregationSelector(sdkmetric.InstrumentKindHistogram).(sdkmetric.AggregationExplicitBucketHistogram).Boundaries

	for name, tc := range map[string]struct {
		options []metric.HistogramOption
		want    []float64
	}{
		"seconds":      {[]metric.HistogramOption{metric.WithUnit("s")}, secondsBuckets()},
		"own":          {[]metric.HistogramOption{metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(own...)}, own},
		"own.none":     {[]metric.HistogramOption{metric.WithUnit("s"), metric.WithExplicitBucketBoundaries([]float64{}...)}, secondsBuckets()},
		"milliseconds": {[]metric.HistogramOption{metric.WithUnit("ms")}, def},
		"bytes":        {[]metric.HistogramOption{metric.WithUnit("By")}, def},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := m.Float64Histogram(name, floatOptions(tc.options)...)
			if err != nil {
				t.Fatal(err)
			}
			f.Record(t.Context(), 1)
			if got := r.collect(t, name).Data.(metricdata.Histogram[float64]).DataPoints[0].Bounds; !slices.Equal(got, tc.want) {
				t.Errorf("float64: got %v, want %v", got, tc.want)
			}
			i, err := m.Int64Histogram(name+".int", intOptions(tc.options)...)
			if err != nil {
				t.Fatal(err)
			}
			i.Record(t.Context(), 1)
			if got := r.collect(t, name+".int").Data.(metricdata.Histogram[int64]).DataPoints[0].Bounds; !slices.Equal(got, tc.want) {
				t.Errorf("int64: got %v, want %v", got, tc.want)
			}
		})
	}
}

func floatOptions(in []metric.HistogramOption) (out []metric.Float64HistogramOption) {
	for _, o := range in {
		out = append(out, o)
	}
	return out
}

func intOptions(in []metric.HistogramOption) (out []metric.Int64HistogramOption) {
	for _, o := range in {
		out = append(out, o)
	}
	return out
}
