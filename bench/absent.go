package main

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/bulk"
	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/otelmon"
)

func repeat(do func()) work {
	return func(n int) {
		for range n {
			do()
		}
	}
}

// withoutSDK is what a program pays that imports our packages and starts no
// SDK. It must be measured before one is started.
func withoutSDK() []pair {
	ctx := context.Background()
	counter := otelmon.NewCounter("absent.counter", "{call}", "Calls.").With(labels()...)
	gauge := otelmon.NewGauge("absent.gauge", "1", "Level.").With(labels()...)
	timer := otelmon.NewTimer("absent.duration", "Duration.").With(labels()...)
	detail := attribute.Int("queue.length", 7)
	_, op := bulk.Start(ctx, "absent")
	w := op.Worker()
	call := func(name string, do func()) pair {
		return pair{name: "no SDK: " + name + " (empty call)", bound: plus(5), ours: repeat(do), other: repeat(func() {})}
	}
	pairs := []pair{
		call("counter", func() { counter.Add(ctx, 1) }),
		call("gauge", func() { gauge.Set(ctx, 0.5) }),
		call("histogram (Timer)", func() { timer.Record(ctx, time.Second) }),
		call("health.Detail", func() { health.Detail(ctx, detail) }),
		call("bulk owned Worker.OK", w.OK),
		{
			name: "no SDK: bulk.Range, an item (bare range)", bound: plus(1), other: bareRange,
			ours: oursRange,
		},
	}
	for _, p := range operations(otel.Tracer("absent"), otel.Meter("absent"), bound{}) {
		p.name = "no SDK: " + p.name
		pairs = append(pairs, p)
	}
	pairs[len(pairs)-1].close = func() { w.Close(); op.End(nil) }
	return pairs
}
