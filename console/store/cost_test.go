package store

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

// fill floods every part of a store: more names than fit, each slower than the
// last, spans that fail and that never end, operations, logs, events, and series.
func fill(tb testing.TB, r *rig, rounds int) {
	tb.Helper()
	now := time.Now()
	for i := range rounds {
		ctx, s := r.Span(tb.Context(), fmt.Sprint("GET /shop/", i%500), trace.WithTimestamp(now), trace.WithAttributes(
			attribute.String("http.route", "/shop/{id}"), attribute.Int("http.response.status_code", 200), attribute.Int("i", i)))
		_, child := r.Span(ctx, "SELECT shop", trace.WithTimestamp(now))
		if i%4 == 0 {
			child.SetStatus(codes.Error, "deadlock detected")
		}
		child.End(trace.WithTimestamp(now.Add(time.Duration(i) * time.Microsecond)))
		s.End(trace.WithTimestamp(now.Add(time.Duration(i) * time.Millisecond)))
		r.Log(ctx, log.SeverityInfo, "", fmt.Sprintf("order %d of customer %x placed in %dms", i, i*i, i%100), attribute.Int("i", i))
		if i%4 == 0 {
			r.Log(ctx, log.SeverityError, "", fmt.Sprintf("order %d failed", i))
			r.Log(ctx, log.SeverityError, keys.EventHealthStateChanged, "db is unhealthy", attribute.String(keys.HealthCheckName, fmt.Sprint("db ", i%1000)))
			_, operation := r.Bulk(ctx, "bulk import", attribute.String(keys.BulkOperationID, fmt.Sprint(i)))
			operation.End()
		}
		if i%100 == 0 {
			_, _ = r.Span(tb.Context(), "never ended")
		}
	}
	r.metrics.absorb(manySeries(2000), now, sampling)
}

func manySeries(n int) *metricdata.ResourceMetrics {
	points := make([]metricdata.DataPoint[int64], n)
	for i := range points {
		points[i] = metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.Int("shelf", i)), Value: int64(i)}
	}
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{
		Metrics: []metricdata.Metrics{{Name: "shop.queue", Data: metricdata.Gauge[int64]{DataPoints: points}}},
	}}}
}

func TestFullStoreStaysWithinItsBytes(t *testing.T) {
	const limit = 8 << 20
	before := heap()
	r := newRig(t, limit)
	fill(t, r, 60_000)
	s := r.Summary()
	if s.Bytes > limit || s.MaxBytes > limit || s.Bytes < limit*8/10 {
		t.Errorf("accounts for %d of %d bytes, the limit is %d: %+v", s.Bytes, s.MaxBytes, limit, s.Store)
	}
	if grown := heap() - before; grown > limit*13/10 {
		t.Errorf("the heap grew by %d bytes, the limit is %d", grown, limit)
	}
	runtime.KeepAlive(r)
}

// BenchmarkIdle is one reading of 500 series, half of them histograms, as happens
// every five seconds. It also tells the share of a core that it is.
func BenchmarkIdle(b *testing.B) {
	st := New(0)
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(st.MetricReader()))
	m := mp.Meter("bench")
	for i := range 50 {
		c, _ := m.Int64Counter(fmt.Sprint("requests", i))
		h, _ := m.Float64Histogram(fmt.Sprint("duration", i))
		for j := range 5 {
			with := metric.WithAttributes(attribute.Int("shelf", j))
			c.Add(b.Context(), 1, with)
			h.Record(b.Context(), 0.01, with)
		}
	}
	sampler, _ := st.MetricReader().(*sampler)
	var rm metricdata.ResourceMetrics
	b.ReportAllocs()
	for b.Loop() {
		sampler.collect(b.Context(), &rm, sampling)
	}
	b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N)/sampleInterval.Seconds(), "%core")
	if err := mp.Shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAnswers asks a full store of the usual size.
func BenchmarkAnswers(b *testing.B) {
	st := New(0)
	r := &rig{st, taptest.New(b, st)}
	fill(b, r, 60_000)
	newest := r.Traces(TraceQuery{Limit: 1}).Traces[0]
	id, _ := trace.TraceIDFromHex(newest.TraceID)
	for _, q := range []struct {
		name string
		ask  func()
	}{
		{"Traces", func() { r.Traces(TraceQuery{}) }},
		{"Trace", func() { r.Trace(id) }},
		{"Logs", func() { r.Logs(LogQuery{}) }},
		{"LogsText", func() { r.Logs(LogQuery{Text: "nowhere"}) }},
		{"Patterns", func() { r.Patterns(LogQuery{}) }},
		{"SpanStats", func() { r.SpanStats(SpanStatQuery{}) }},
		{"History", func() { r.History(HistoryQuery{Window: 6 * time.Hour, Limit: MaxLimit}) }},
		{"Delivery", func() { r.Delivery() }},
	} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q.ask()
			}
		})
	}
}
