package otelmon

import (
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestHistogramsGetBucketsThatFitUnlessTheCallerNamedSome(t *testing.T) {
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
		"bytes":        {[]metric.HistogramOption{metric.WithUnit("By")}, bytesBuckets()},
		"own.bytes":    {[]metric.HistogramOption{metric.WithUnit("By"), metric.WithExplicitBucketBoundaries(own...)}, own},
		"items":        {[]metric.HistogramOption{metric.WithUnit("{item}")}, def},
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

// A view, and a reader that wants another aggregation, know better.
func TestViewsAndAggregationsWinOverBuckets(t *testing.T) {
	own := []float64{1, 2, 3}
	reader := sdkmetric.NewManualReader(sdkmetric.WithAggregationSelector(func(sdkmetric.InstrumentKind) sdkmetric.Aggregation {
		return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
	}))
	r := &recorder{reader: reader}
	provider := newMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithView(sdkmetric.NewView(
		sdkmetric.Instrument{Name: "viewed"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: own}},
	))))
	for _, name := range []string{"viewed", "other"} {
		h, err := provider.Meter("test").Int64Histogram(name, metric.WithUnit("By"))
		if err != nil {
			t.Fatal(err)
		}
		h.Record(t.Context(), 1)
	}
	if got := r.collect(t, "viewed").Data.(metricdata.Histogram[int64]).DataPoints[0].Bounds; !slices.Equal(got, own) {
		t.Errorf("the view's bounds %v became %v", own, got)
	}
	if _, ok := r.collect(t, "other").Data.(metricdata.ExponentialHistogram[int64]); !ok {
		t.Error("the reader's aggregation has gone")
	}
}

func TestQuantilesOfSizesAreRightWithinFour(t *testing.T) {
	r := newRecorder()
	provider := newMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader)))
	h, err := provider.Meter("test").Int64Histogram("size", metric.WithUnit("By"))
	if err != nil {
		t.Fatal(err)
	}
	var sizes []attribute.Set
	for size := 1 << 8; size <= 1<<24; size += size / 16 {
		sizes = append(sizes, attribute.NewSet(attribute.Int("size", size)))
		h.Record(t.Context(), int64(size), metric.WithAttributeSet(sizes[len(sizes)-1]))
	}
	points := r.collect(t, "size").Data.(metricdata.Histogram[int64]).DataPoints
	if len(points) != len(sizes) {
		t.Fatalf("%d points of %d sizes", len(points), len(sizes))
	}
	for _, p := range points {
		at := slices.Index(p.BucketCounts, 1)
		if at == len(p.Bounds) {
			t.Fatalf("%d is beyond all bounds", p.Sum)
		}
		// Wherever in its bucket an estimate puts it: p.Sum is the only size.
		if high := p.Bounds[at]; high > 4*float64(p.Sum) {
			t.Errorf("%d may be estimated as %v", p.Sum, high)
		}
		if at > 0 && p.Bounds[at-1] < float64(p.Sum)/4 {
			t.Errorf("%d may be estimated as %v", p.Sum, p.Bounds[at-1])
		}
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
