package store

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// took makes a span that took so long and ends now.
func (r *rig) took(t *testing.T, name string, d time.Duration, o ...trace.SpanStartOption) trace.Span {
	t.Helper()
	now := time.Now()
	_, s := r.Span(t.Context(), name, append(o, trace.WithTimestamp(now.Add(-d)))...)
	s.End(trace.WithTimestamp(now))
	return s
}

func TestFloodsDoNotEvictTheSlowest(t *testing.T) {
	r := newRig(t, leastBytes)
	rare := r.took(t, "GET /report", 9*time.Second, trace.WithAttributes(attribute.String("k", "v")))
	slow := r.took(t, "GET /", 3*time.Second)
	_, failed := r.Span(t.Context(), "failed")
	failed.SetStatus(codes.Error, "no")
	failed.End()
	for _, x := range r.Traces(TraceQuery{}).Traces {
		if x.Spans != 1 {
			t.Errorf("%s has %d spans: the slowest are counted twice", x.Name, x.Spans)
		}
	}
	for range 20_000 {
		r.took(t, "GET /", time.Millisecond)
	}
	for i := range 2000 { // names without end, each slower than the last
		r.took(t, fmt.Sprintf("GET /%d", i), time.Duration(i)*time.Second)
	}
	for name, s := range map[string]trace.Span{"rare": rare, "slow": slow, "failed": failed} {
		got, ok := r.Trace(traceID(s))
		if !ok || len(got.Spans) != 1 {
			t.Errorf("the %s span was evicted", name)
		}
	}
	if got, _ := r.Trace(traceID(rare)); got.Spans[0].Seconds != 9 || got.Spans[0].Attributes.Get("k") != "v" {
		t.Errorf("%+v", got.Spans[0])
	}
	if list := r.Traces(TraceQuery{Least: 2 * time.Second, Text: "get /report", Limit: 1}); list.Total != 1 || list.Traces[0].Spans != 1 {
		t.Errorf("%+v", list)
	}
	if u := r.spans.names.usage(); u.Kept > r.spans.names.max || u.Dropped == 0 || u.Bytes > u.MaxBytes {
		t.Errorf("%+v", u)
	}
	if size := unsafe.Sizeof(spanName{}); size+nameSlow*slowBytes > nameBytes {
		t.Errorf("a name takes %d bytes and %d of spans, %d are accounted for", size, nameSlow*slowBytes, nameBytes)
	}
}

func TestNamesGiveWayWhenTheyHaveNotBeenSeenForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, leastBytes)
		for i := range r.spans.names.max {
			r.took(t, fmt.Sprint("old ", i), time.Second)
		}
		has := func(name string) bool { return r.SpanStats(SpanStatQuery{Text: name}).Total > 0 }
		r.took(t, "new", time.Millisecond)
		if has("new") {
			t.Error("the table is not bounded")
		}
		pass(nameLasts - time.Second)
		r.took(t, "old 0", time.Millisecond)
		pass(time.Second)
		r.took(t, "new", time.Millisecond)
		r.took(t, "newer", time.Millisecond)
		if !has("new") || !has("newer") || !has("old 0") {
			t.Error("a name that was not seen for long keeps its place")
		}
		stat := r.SpanStats(SpanStatQuery{Text: "newer"}).Names[0]
		if stat.Now.Count != 1 || stat.Before.Count != 0 || stat.Now.Max != 0.001 {
			t.Errorf("remembers whose place it took: %+v", stat)
		}
	})
}

func TestSpanStatsCompareNowWithBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		for range 30 * 6 {
			r.took(t, "GET /", 10*time.Millisecond)
			r.took(t, "GET /fine", time.Millisecond)
			pass(10 * time.Second)
		}
		var slowest, failed trace.Span
		for i := range 5 * 6 {
			slowest = r.took(t, "GET /", time.Second+time.Duration(i)*time.Millisecond)
			_, failed = r.Span(t.Context(), "GET /")
			failed.SetStatus(codes.Error, "no")
			failed.End()
			pass(9 * time.Second)
		}
		_, s := r.Bulk(t.Context(), "bulk import", attribute.String(keys.BulkOperationID, "1"))
		s.End()
		got := r.SpanStats(SpanStatQuery{})
		if got.Total != 2 || got.Names[0].Name != "GET /" || got.Names[0].Scope != "shop/checkout" || got.Names[0].Kind != "internal" {
			t.Fatalf("%+v", got)
		}
		n := got.Names[0]
		if n.Now.Count != 60 || n.Now.Errors != 30 || n.Now.ErrorShare != 0.5 || n.Now.SlowTraceID != traceID(slowest).String() || n.Now.FailedTraceID != traceID(failed).String() {
			t.Errorf("now: %+v", n.Now)
		}
		if n.Before.Count != 180 || n.Before.Errors != 0 || n.Before.FailedTraceID != "" || n.Before.Max != 0.01 {
			t.Errorf("before: %+v", n.Before)
		}
		near := func(got Number, want float64) bool { return math.Abs(float64(got)/want-1) < 0.25 }
		if !near(n.Before.P50, 0.01) || !near(n.Before.P95, 0.01) || !near(n.Now.P95, 1) || !near(n.Now.Rate, 60/float64(got.Window)) {
			t.Errorf("p50 %v and p95 %v before, p95 %v and rate %v now", n.Before.P50, n.Before.P95, n.Now.P95, n.Now.Rate)
		}
		if fine := got.Names[1]; fine.Now.P95.Known() || fine.Now.ErrorShare.Known() || fine.Now.SlowTraceID != "" || fine.Before.Count != 180 {
			t.Errorf("%+v", fine)
		}
		if sum := got.Window + got.Before; math.Abs(float64(sum)-30*60-270) > 1 || got.Window > 300 || got.Window < 240 {
			t.Errorf("now is %v s, before %v s", got.Window, got.Before)
		}
		pass(2 * nameMinutes * time.Minute)
		if got := r.SpanStats(SpanStatQuery{}); got.Names[0].Now.Count+got.Names[0].Before.Count != 0 {
			t.Errorf("an hour later: %+v", got.Names[0])
		}
	})
}

func TestBinsHoldWhatTheirBoundsSay(t *testing.T) {
	bounds := binBounds()
	for nanos := int64(1); nanos < 1e12; nanos = nanos*5/4 + 1 {
		b, seconds := binOf(nanos), float64(nanos)/1e9
		if b > 0 && seconds < bounds[b-1] || b < len(bounds) && seconds >= bounds[b] {
			t.Errorf("%d ns in bin %d", nanos, b)
		}
	}
}

func TestSpanStatsOfHostileNames(t *testing.T) {
	r := newRig(t, leastBytes)
	r.took(t, strings.Repeat("\u202ex", 100_000), time.Duration(math.MaxInt64)/1000)
	r.took(t, "", -time.Hour)
	for _, n := range r.SpanStats(SpanStatQuery{}).Names {
		if len(n.Name) > maxName || strings.Contains(n.Name, "\u202e") || n.Now.Count != 1 || n.Now.Max < 0 {
			t.Errorf("%+v", n)
		}
	}
}

func TestStoreConcurrentSafe(t *testing.T) {
	r := newRig(t, leastBytes)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 500 {
				ctx, s := r.Span(t.Context(), fmt.Sprint("GET /", j%40))
				if j%7 == i {
					s.SetStatus(codes.Error, "no")
				}
				r.Log(ctx, 9, "", fmt.Sprint("order ", j))
				s.End()
			}
		})
		wg.Go(func() {
			for range 10 {
				r.SpanStats(SpanStatQuery{})
				r.Patterns(LogQuery{})
				r.Delivery()
				for _, s := range r.Traces(TraceQuery{Limit: 3}).Traces {
					id, _ := trace.TraceIDFromHex(s.TraceID)
					r.Trace(id)
				}
				r.Summary()
			}
		})
	}
	wg.Wait()
}

func TestSpansCostNoMemoryOnceFull(t *testing.T) {
	s := newSpanStore(leastBytes)
	var spans tracetest.SpanStubs
	for i := range 64 {
		at := time.Unix(0, 0)
		spans = append(spans, tracetest.SpanStub{Name: fmt.Sprint("GET /", i%8), StartTime: at, EndTime: at.Add(time.Duration(i) * time.Millisecond)})
	}
	list, i := spans.Snapshots(), 0
	var buf []byte
	one := func() { // as end does, but for the pool, which forgets buffers under the race detector
		span := list[i%len(list)]
		buf = encodeSpan(buf[:0], span, s.recent.size)
		s.names.observe(span, nameKey{"shop", span.Name()}, buf, s.recent, s.recent.add(buf, 1))
		i++
	}
	for range 20_000 {
		one()
	}
	if n := testing.AllocsPerRun(2000, one); n != 0 {
		t.Errorf("%v allocations a span", n)
	}
}
