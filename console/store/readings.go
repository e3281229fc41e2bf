package store

import (
	"encoding/hex"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// collected is one instrument of one collection on its way into the store.
type collected struct {
	store  *metricStore
	scope  string
	metric metricdata.Metrics
	now    time.Time
	why    occasion
}

func (c *collected) absorb() {
	switch d := c.metric.Data.(type) {
	case metricdata.Gauge[int64]:
		absorbPoints(c, kindGauge, d.DataPoints)
	case metricdata.Gauge[float64]:
		absorbPoints(c, kindGauge, d.DataPoints)
	case metricdata.Sum[int64]:
		absorbPoints(c, sumKind(d.IsMonotonic), d.DataPoints)
	case metricdata.Sum[float64]:
		absorbPoints(c, sumKind(d.IsMonotonic), d.DataPoints)
	case metricdata.Histogram[int64]:
		absorbHistograms(c, d.DataPoints)
	case metricdata.Histogram[float64]:
		absorbHistograms(c, d.DataPoints)
	case metricdata.ExponentialHistogram[int64]:
		absorbExponential(c, d.DataPoints)
	case metricdata.ExponentialHistogram[float64]:
		absorbExponential(c, d.DataPoints)
	}
}

func sumKind(isMonotonic bool) string { //nolint:revive // flag-parameter: it maps the SDK's flag
	if isMonotonic {
		return kindCounter
	}
	return kindUpDownCounter
}

func absorbPoints[N int64 | float64](c *collected, kind string, points []metricdata.DataPoint[N]) {
	for i := range points {
		p := &points[i]
		if s := c.store.lookup(c.scope, &c.metric, kind, &p.Attributes, 0); s != nil {
			c.store.update(s, reading{value: float64(p.Value), trace: slowest(p.Exemplars)}, c.now, c.why)
		}
	}
}

func absorbHistograms[N int64 | float64](c *collected, points []metricdata.HistogramDataPoint[N]) {
	for i := range points {
		p := &points[i]
		s := c.store.lookup(c.scope, &c.metric, kindHistogram, &p.Attributes, len(p.BucketCounts))
		if s == nil {
			continue
		}
		// The next collection reuses p's counts. Its bounds belong to the view.
		r := reading{
			count: float64(p.Count), sum: float64(p.Sum), min: extreme(p.Min), max: extreme(p.Max),
			bounds: p.Bounds, counts: slices.Clone(p.BucketCounts), trace: slowest(p.Exemplars),
		}
		c.store.update(s, r, c.now, c.why)
	}
}

// expBuckets is the SDK's default for the buckets of an exponential histogram,
// and what such a series is charged for.
const expBuckets = 2 * 160

func absorbExponential[N int64 | float64](c *collected, points []metricdata.ExponentialHistogramDataPoint[N]) {
	for i := range points {
		p := &points[i]
		s := c.store.lookup(c.scope, &c.metric, kindHistogram, &p.Attributes, expBuckets)
		if s == nil {
			continue
		}
		r := reading{
			count: float64(p.Count), sum: float64(p.Sum), min: extreme(p.Min), max: extreme(p.Max),
			trace: slowest(p.Exemplars),
		}
		r.bounds, r.counts = explicit(p.Scale, p.ZeroCount, p.NegativeBucket, p.PositiveBucket)
		c.store.update(s, r, c.now, c.why)
	}
}

// explicit turns the buckets of an exponential histogram into upper bounds and
// counts, one more of these than of those.
func explicit(scale int32, zeros uint64, negative, positive metricdata.ExponentialBucket) ([]float64, []uint64) {
	bound := func(index int) float64 { return math.Exp2(float64(index) * math.Exp2(-float64(scale))) }
	var bounds []float64
	var counts []uint64
	for i, n := range slices.Backward(negative.Counts) {
		bounds = append(bounds, -bound(int(negative.Offset)+i))
		counts = append(counts, n)
	}
	bounds = append(bounds, 0)
	counts = append(counts, zeros)
	for i, n := range positive.Counts {
		bounds = append(bounds, bound(int(positive.Offset)+i+1))
		counts = append(counts, n)
	}
	return bounds, append(counts, 0)
}

func extreme[N int64 | float64](e metricdata.Extrema[N]) float64 {
	if v, ok := e.Value(); ok {
		return float64(v)
	}
	return math.NaN()
}

// slowest returns the trace of the exemplar with the largest value.
func slowest[N int64 | float64](exemplars []metricdata.Exemplar[N]) string {
	best := -1
	for i, e := range exemplars {
		if len(e.TraceID) == 16 && (best < 0 || e.Value > exemplars[best].Value) {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return hex.EncodeToString(exemplars[best].TraceID)
}

// since returns what was observed after old, a reading of the same series. Its
// extremes are those of both, between which it lies.
func (r reading) since(old reading) reading {
	if old.count == 0 || len(r.counts) != len(old.counts) || !slices.Equal(r.bounds, old.bounds) {
		return r
	}
	r.counts = slices.Clone(r.counts)
	for i := range r.counts {
		if r.counts[i] < old.counts[i] {
			return reading{}
		}
		r.counts[i] -= old.counts[i]
	}
	r.count -= old.count
	return r
}

// quantile estimates a quantile from the buckets, linear within one, NaN when
// nothing was observed.
func (r reading) quantile(q float64) float64 {
	var total uint64
	for _, n := range r.counts {
		total += n
	}
	if total == 0 {
		return math.NaN()
	}
	rank, below := q*float64(total), 0.0
	for i, n := range r.counts {
		if n > 0 && below+float64(n) >= rank {
			return r.within(i, (rank-below)/float64(n))
		}
		below += float64(n)
	}
	return math.NaN()
}

// within returns the value at a fraction of bucket i. Where the bucket is
// open, or the extremes are tighter, those take the place of its bounds.
func (r reading) within(i int, fraction float64) float64 {
	low, high := math.NaN(), math.NaN()
	if i > 0 && i <= len(r.bounds) {
		low = r.bounds[i-1]
	}
	if i < len(r.bounds) {
		high = r.bounds[i]
	}
	if math.IsNaN(low) || r.min > low {
		low = r.min
	}
	if math.IsNaN(high) || r.max < high {
		high = r.max
	}
	switch {
	case math.IsNaN(low) && math.IsNaN(high):
		return math.NaN()
	case math.IsNaN(high) || math.IsInf(high, 0):
		return low
	case math.IsNaN(low):
		low = min(0, high)
	}
	return low + fraction*(high-low)
}
