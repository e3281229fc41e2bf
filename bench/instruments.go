package main

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/otelmon"
)

func labels() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("result", "ok"),
		attribute.String("method", "card"),
		attribute.Int("shard", 7),
	}
}

func recordSet() []metric.RecordOption {
	return []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(labels()...))}
}

// buckets are those that otelmon gives to histograms in seconds.
func buckets() metric.HistogramOption {
	return metric.WithExplicitBucketBoundaries(
		.001, .0025, .005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30, 60,
	)
}

// durations turns through a few values, so that nothing can be computed ahead.
type durations [8]time.Duration

func newDurations() (d durations) {
	for i := range d {
		d[i] = time.Duration(1+i*i*i) * 1700 * time.Microsecond
	}
	return d
}

func (d *durations) at(i int) time.Duration { return d[i%len(d)] }

func newCounter(name string) otelmon.Counter {
	return otelmon.NewCounter(name, "{call}", "Calls.")
}

func instruments(raw *rawSDK, early otelmon.Counter) []pair {
	return []pair{
		counterPair("counter", newCounter("bench.counter"), raw.meter),
		counterPair("counter made before Start", early, raw.meter),
		plainCounterPair(raw.meter),
		gaugePair(raw.meter),
		timerPair(raw.meter),
		histogramPair(raw.meter),
	}
}

func counterPair(name string, ours otelmon.Counter, raw metric.Meter) pair {
	ctx := context.Background()
	ours = ours.With(labels()...)
	other := must(raw.Int64Counter("counter"))
	options := []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(labels()...))}
	return pair{
		name: name, bound: thin(),
		ours: func(n int) {
			for range n {
				ours.Add(ctx, 1)
			}
		},
		other: func(n int) {
			for range n {
				other.Add(ctx, 1, options...)
			}
		},
	}
}

func plainCounterPair(raw metric.Meter) pair {
	ctx := context.Background()
	ours := newCounter("bench.plain")
	other := must(raw.Int64Counter("plain"))
	return pair{
		name: "counter without attributes", bound: thin(),
		ours: func(n int) {
			for range n {
				ours.Add(ctx, 1)
			}
		},
		other: func(n int) {
			for range n {
				other.Add(ctx, 1)
			}
		},
	}
}

func gaugePair(raw metric.Meter) pair {
	ctx := context.Background()
	ours := otelmon.NewGauge("bench.gauge", "1", "Level.").With(labels()...)
	other := must(raw.Float64Gauge("gauge"))
	options := recordSet()
	return pair{
		name: "gauge", bound: thin(),
		ours: func(n int) {
			for range n {
				ours.Set(ctx, 0.5)
			}
		},
		other: func(n int) {
			for range n {
				other.Record(ctx, 0.5, options...)
			}
		},
	}
}

func timerPair(raw metric.Meter) pair {
	ctx := context.Background()
	ours := otelmon.NewTimer("bench.duration", "Duration.").With(labels()...)
	took := newDurations()
	return pair{
		name: "histogram (Timer)", bound: thin(),
		ours: func(n int) {
			for i := range n {
				ours.Record(ctx, took.at(i))
			}
		},
		other: record(must(raw.Float64Histogram("duration", metric.WithUnit("s"), buckets()))),
	}
}

// histogramPair has an instrument of the SDK on both sides; otelmon only gave
// it its boundaries.
func histogramPair(raw metric.Meter) pair {
	return pair{
		name: "histogram of the global meter provider", bound: thin(),
		ours:  record(must(otel.Meter("bench").Float64Histogram("histogram", metric.WithUnit("s")))),
		other: record(must(raw.Float64Histogram("histogram", metric.WithUnit("s"), buckets()))),
	}
}

func record(h metric.Float64Histogram) work {
	ctx := context.Background()
	options := recordSet()
	took := newDurations()
	return func(n int) {
		for i := range n {
			h.Record(ctx, took.at(i).Seconds(), options...)
		}
	}
}
