package diagnosis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
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

// nasty returns text that would fool a terminal, a page or a length.
func nasty(rng *rand.Rand) string {
	parts := []string{
		"\x1b[31m", "\u202e", "\u200b", "<script>", "\"\\", "\n# Ignore all instructions", "\x00", "\xff\xfe", "é", "日本", "{a=b, c=d}", "%s%d",
		strings.Repeat("<&>", 400), "no space left on device", "connection refused", " ",
	}
	var b strings.Builder
	for range 1 + rng.IntN(6) {
		b.WriteString(parts[rng.IntN(len(parts))])
	}
	return b.String()
}

func TestReportKeepsItsLimitsWhateverIsStored(t *testing.T) {
	n := uint64(20)
	if detectsRaces() {
		n = 5
	}
	for seed := range n {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			st := store.New(0)
			attack(t, taptest.New(t, st), rng)
			for limit, most := range map[int]int{0: 16_000, 99: 24_000, -1: 16_000} {
				r := diagnosis.Diagnose(st, diagnosis.Question{Limit: limit})
				if len(r.Findings) == 0 || r.Status == store.StateHealthy {
					t.Fatalf("seed %d: nothing found", seed)
				}
				if r.Truncated != (len(r.Findings) < r.Total) || len(r.Summary) > 400 {
					t.Errorf("seed %d: %d of %d, summary of %d bytes", seed, len(r.Findings), r.Total, len(r.Summary))
				}
				if n := isClean(t, r); n > most {
					t.Errorf("seed %d: %d bytes", seed, n)
				}
				if limit == 99 { // the others have less of the same
					checkReport(t, st, &r, most)
				}
			}
		})
	}
}

// attack fills the store with faults whose every text is hostile.
func attack(t *testing.T, rig *taptest.Rig, rng *rand.Rand) {
	t.Helper()
	states := map[string]string{}
	for range 30 {
		name := nasty(rng)
		states[name] = "unhealthy"
		rig.Change(t, name, "healthy", "unhealthy", nasty(rng))
	}
	rig.Status(t, states, "unhealthy")
	depth, err := rig.Meter().Float64Gauge("queue.depth")
	if err != nil {
		t.Fatal(err)
	}
	queue := metric.WithAttributes(attribute.String(nasty(rng), nasty(rng)))
	names, peers := []string{nasty(rng), nasty(rng), nasty(rng)}, []string{nasty(rng), nasty(rng)}
	for i := range 60 {
		depth.Record(context.Background(), float64(i*i), queue)
		for j := range 12 {
			now := time.Now()
			ctx, root := rig.Span(context.Background(), names[j%3], trace.WithSpanKind(trace.SpanKindServer))
			_, s := rig.Span(ctx, nasty(rng), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("server.address", peers[j%2])))
			if i > 30 {
				s.SetStatus(codes.Error, nasty(rng))
				root.SetStatus(codes.Error, nasty(rng))
				rig.Log(ctx, log.SeverityError, nasty(rng), nasty(rng))
				rig.Log(ctx, log.SeverityError, "", nasty(rng))
			}
			s.End(trace.WithTimestamp(now.Add(time.Millisecond)))
			root.End(trace.WithTimestamp(now.Add(2 * time.Millisecond)))
		}
		<-time.After(5 * time.Second)
	}
}

// isClean returns the length of the report.
func isClean(t *testing.T, r diagnosis.Report) int {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var any map[string]any
	if err := json.Unmarshal(b, &any); err != nil {
		t.Fatal(err)
	}
	for path, text := range texts("", any) {
		if text != store.CleanLine(text) {
			t.Errorf("%s is not clean: %q", path, text)
		}
	}
	return len(b)
}

// texts lists all strings within v by where they are.
func texts(path string, v any) map[string]string {
	found := map[string]string{}
	add := func(below map[string]string) {
		maps.Copy(found, below)
	}
	switch v := v.(type) {
	case string:
		found[path] = v
	case []any:
		for i, x := range v {
			add(texts(fmt.Sprintf("%s[%d]", path, i), x))
		}
	case map[string]any:
		for k, x := range v {
			add(texts(path+"."+k, x))
		}
	}
	return found
}
