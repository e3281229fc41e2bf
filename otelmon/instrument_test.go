package otelmon

import (
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
)

func TestCounterKeepsItsAttributes(t *testing.T) {
	r := record(t)
	orders := NewCounter("shop.orders", "{order}", "Orders taken.").With(attribute.String("shop", "eu"))
	orders.With(attribute.String("result", "ok")).Add(t.Context(), 2)
	orders.Add(t.Context(), 3)

	metricdatatest.AssertEqual(t, metricdata.Metrics{
		Name: "shop.orders", Unit: "{order}", Description: "Orders taken.",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality, IsMonotonic: true,
			DataPoints: []metricdata.DataPoint[int64]{
				{Attributes: attribute.NewSet(attribute.String("shop", "eu"), attribute.String("result", "ok")), Value: 2},
				{Attributes: attribute.NewSet(attribute.String("shop", "eu")), Value: 3},
			},
		},
	}, r.collect(t, "shop.orders"), metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
}

func TestGaugeHoldsTheNewest(t *testing.T) {
	r := record(t)
	g := NewGauge("shop.queue.length", "{order}", "").With(attribute.String("queue", "a"))
	g.Set(t.Context(), 5)
	g.Set(t.Context(), 4)
	got := r.collect(t, "shop.queue.length").Data.(metricdata.Gauge[float64]).DataPoints
	if len(got) != 1 || got[0].Value != 4 {
		t.Errorf("got %+v, want one point of 4", got)
	}
}

func TestTimerCountsSeconds(t *testing.T) {
	r := record(t)
	timer := NewTimer("shop.payment.duration", "").With(attribute.String("card", "debit"))
	timer.Record(t.Context(), 1500*time.Millisecond)
	timer.Since(t.Context(), time.Now())
	m := r.collect(t, "shop.payment.duration")
	p := m.Data.(metricdata.Histogram[float64]).DataPoints[0]
	if m.Unit != "s" || p.Count != 2 || p.Sum < 1.5 || len(p.Bounds) != len(secondsBuckets()) {
		t.Errorf("got %s %+v", m.Unit, p)
	}
}

func TestZeroInstrumentsDoNothing(t *testing.T) {
	ctx := t.Context()
	Counter{}.With(attribute.Bool("a", true)).Add(ctx, 1)
	Gauge{}.With(attribute.Bool("a", true)).Set(ctx, 1)
	Timer{}.With(attribute.Bool("a", true)).Record(ctx, 1)
}

func TestInvalidNameIsReported(t *testing.T) {
	record(t)
	var got error
	old := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { got = errors.Join(got, err) }))
	t.Cleanup(func() { otel.SetErrorHandler(old) })
	NewCounter("not a name!", "1", "").Add(t.Context(), 1)
	if got == nil {
		t.Error("nobody was told of the name")
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	record(t)
	ctx := t.Context()
	counter := NewCounter("a", "1", "").With(attribute.String("k", "v"))
	gauge := NewGauge("b", "1", "").With(attribute.String("k", "v"))
	timer := NewTimer("c", "").With(attribute.String("k", "v"))
	if n := testing.AllocsPerRun(100, func() {
		counter.Add(ctx, 1)
		gauge.Set(ctx, 1)
		timer.Record(ctx, time.Second)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
