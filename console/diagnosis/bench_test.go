package diagnosis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

// BenchmarkDiagnose asks a store that is full of everything, and tells the 99th
// percentile next to the mean.
func BenchmarkDiagnose(b *testing.B) {
	st := store.New(0)
	fill(b, taptest.New(b, st))
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		diagnosis.Diagnose(st, diagnosis.Question{})
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// fill emits until every part of the store has dropped something.
func fill(tb testing.TB, rig *taptest.Rig) {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	now := time.Now()
	for i := range 40_000 {
		start := now.Add(-time.Duration(40_000-i) * 20 * time.Millisecond)
		ctx, root := rig.Span(context.Background(), fmt.Sprintf("GET /%d", i%40), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(start),
			trace.WithAttributes(attribute.String("http.route", fmt.Sprintf("/%d", i%40)), attribute.String("url.path", fmt.Sprintf("/%d/%d", i%40, i)), attribute.Int("http.response.status_code", 200)))
		for c := range 2 {
			_, s := rig.Span(ctx, fmt.Sprintf("SELECT t%d", c+i%5), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(start.Add(time.Millisecond)),
				trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("server.address", fmt.Sprintf("pg-%d", i%3)), attribute.String("db.namespace", "shop"), attribute.String("db.query.text", "SELECT * FROM t WHERE id = $1")))
			if i%4 == 0 {
				s.SetStatus(codes.Error, "connection refused")
			}
			s.End(trace.WithTimestamp(start.Add(time.Duration(2+rng.IntN(8)) * time.Millisecond)))
		}
		if i%4 == 0 {
			root.SetStatus(codes.Error, "failed")
		}
		root.End(trace.WithTimestamp(start.Add(12 * time.Millisecond)))
		level := []log.Severity{log.SeverityInfo, log.SeverityError}[i%2]
		rig.Log(ctx, level, "", fmt.Sprintf("request %d of customer %d took %d ms: connection refused", i, rng.IntN(1000), rng.IntN(100)), attribute.Int("n", i))
	}
	for i := range 4000 {
		_, _ = rig.Span(context.Background(), fmt.Sprintf("open %d", i%20))
	}
	for i := range 300 {
		c, err := rig.Meter().Float64Counter(fmt.Sprintf("app.counter.%d", i))
		if err != nil {
			tb.Fatal(err)
		}
		for j := range 12 {
			c.Add(context.Background(), rng.Float64(), metric.WithAttributes(attribute.Int("shard", j)))
		}
	}
}
