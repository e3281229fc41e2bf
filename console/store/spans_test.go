package store

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestTraceShowsTreeAttributesEventsAndLogs(t *testing.T) {
	r := newRig(t, 0)
	ctx, root := r.Span(t.Context(), "POST /checkout", trace.WithSpanKind(trace.SpanKindServer))
	ctx2, child := r.Span(ctx, "charge-card", trace.WithAttributes(attribute.Int("items", 3)))
	child.AddEvent("authorised", trace.WithAttributes(attribute.String("scheme", "visa")))
	r.Log(ctx2, log.SeverityError, "", "charge failed")
	child.SetStatus(codes.Error, "503")
	child.End()

	got, ok := r.Trace(traceID(root))
	if !ok || len(got.Spans) != 2 || got.Name != "POST /checkout" || got.Running != 1 || got.Errors != 1 || got.Partial {
		t.Fatalf("unfinished: %+v", got)
	}
	if s := got.Spans[0]; !s.Running() || s.Kind != "server" || s.Depth != 0 || s.Seconds < 0 {
		t.Errorf("root: %+v", s)
	}
	s := got.Spans[1]
	if s.Depth != 1 || s.Status != "error" || s.Message != "503" || s.Attributes.Get("items") != "3" ||
		s.ParentID != got.Spans[0].SpanID || s.Scope != "shop/checkout" || s.Running() {
		t.Errorf("child: %+v", s)
	}
	if len(s.Events) != 1 || s.Events[0].Name != "authorised" || s.Events[0].Attributes.Get("scheme") != "visa" {
		t.Errorf("events: %+v", s.Events)
	}
	if len(got.Logs) != 1 || got.Logs[0].SpanID != s.SpanID || got.Logs[0].Level != "error" {
		t.Errorf("logs: %+v", got.Logs)
	}
	root.End()
	if got, _ := r.Trace(traceID(root)); got.Running != 0 || len(got.Spans) != 2 {
		t.Errorf("finished: %+v", got)
	}
}

func TestUnfinishedSpanShowsItsEvents(t *testing.T) {
	r := newRig(t, 0)
	_, s := r.Span(t.Context(), "import")
	defer s.End()
	s.AddEvent("half")
	got, _ := r.Trace(traceID(s))
	if len(got.Spans) != 1 || len(got.Spans[0].Events) != 1 || got.Spans[0].Events[0].Name != "half" {
		t.Errorf("%+v", got.Spans)
	}
}

func TestFloodOfHealthyRequestsEvictsNeitherErrorsNorBulkNorTheNewest(t *testing.T) {
	r := newRig(t, leastBytes)
	_, failed := r.Span(t.Context(), "failed")
	failed.SetStatus(codes.Error, "no")
	failed.End()
	_, op := r.Bulk(t.Context(), "bulk import", attribute.String(keys.BulkOperationID, "1"))
	op.End()
	_, running := r.Span(t.Context(), "running")
	defer running.End()
	for range nameSlow {
		r.took(t, "GET /", time.Second)
	}
	first := r.took(t, "GET /", time.Microsecond)
	for i := range 20_000 {
		_, s := r.Span(t.Context(), "GET /", trace.WithAttributes(attribute.Int("i", i)))
		s.End()
	}
	for name, s := range map[string]trace.Span{"failed": failed, "bulk": op, "running": running} {
		if _, ok := r.Trace(traceID(s)); !ok {
			t.Errorf("the %s span was evicted", name)
		}
	}
	if _, ok := r.Trace(traceID(first)); ok {
		t.Error("nothing was evicted: the flood is too small to prove anything")
	}
	for range 20_000 {
		_, s := r.Span(t.Context(), "flood of errors")
		s.SetStatus(codes.Error, "no")
		s.End()
	}
	if list := r.Traces(TraceQuery{Text: "GET /"}); list.Total == 0 {
		t.Error("a flood of errors evicted healthy traces")
	}
}

func TestLiveTableIsCappedAndKeepsRoomForBulk(t *testing.T) {
	r := newRig(t, leastBytes)
	for range r.spans.maxLive + 100 {
		_, s := r.Span(t.Context(), "leak")
		_ = s
	}
	_, op := r.Bulk(t.Context(), "bulk import", attribute.String(keys.BulkOperationID, "1"))
	defer op.End()
	if _, ok := r.Trace(traceID(op)); !ok {
		t.Error("leaked spans hide a running operation")
	}
	u := r.spans.usage()[3]
	if u.Kept > r.spans.maxLive || u.Dropped == 0 || u.Bytes > u.MaxBytes {
		t.Errorf("%+v", u)
	}
}

func TestTraceListSelects(t *testing.T) {
	r := newRig(t, 0)
	ctx, a := r.Span(t.Context(), "GET /a")
	_, b := r.Span(ctx, "SELECT things")
	b.SetStatus(codes.Error, "")
	b.End()
	a.End()
	_, c := r.Span(t.Context(), "GET /c")
	defer c.End()
	for _, tc := range []struct {
		q    TraceQuery
		want string
	}{
		{TraceQuery{}, "GET /c GET /a"},
		{TraceQuery{Text: "select"}, "GET /a"},
		{TraceQuery{Errors: true}, "GET /a"},
		{TraceQuery{Running: true}, "GET /c"},
		{TraceQuery{Least: 1 << 40}, ""},
		{TraceQuery{Limit: 1}, "GET /c"},
	} {
		list := r.Traces(tc.q)
		var names []string
		for _, x := range list.Traces {
			names = append(names, x.Name)
		}
		if got := strings.Join(names, " "); got != tc.want || list.Truncated != (tc.q.Limit == 1) {
			t.Errorf("%+v: %q truncated %v, want %q", tc.q, got, list.Truncated, tc.want)
		}
	}
}

func TestTreeSurvivesCyclesAndMissingParents(t *testing.T) {
	mk := func(id, parent string) *Span { return &Span{SpanID: id, ParentID: parent, Name: id} }
	var d Trace
	d.arrange(map[string]*Span{
		"a": mk("a", "a"), "b": mk("b", "c"), "c": mk("c", "b"), "d": mk("d", "gone"), "e": mk("e", "d"),
	})
	if len(d.Spans) != 5 || !d.Partial {
		t.Errorf("%d spans, partial %v", len(d.Spans), d.Partial)
	}
}

func TestRemoteParentIsPartialNotLost(t *testing.T) {
	r := newRig(t, 0)
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: 1, Remote: true})
	_, s := r.Span(trace.ContextWithRemoteSpanContext(t.Context(), remote), "GET /")
	s.End()
	if got, ok := r.Trace(remote.TraceID()); !ok || !got.Partial || len(got.Spans) != 1 {
		t.Errorf("%v %+v", ok, got)
	}
}

// TestStoreIsBoundedInBytes throws the worst at every hook and looks at the
// heap itself.
func TestStoreIsBoundedInBytes(t *testing.T) {
	const limit = 4 << 20
	before := heap()
	r := newRig(t, limit)
	long := strings.Repeat("x", 100_000)
	for i := range 400 {
		ctx, s := r.Span(t.Context(), long)
		attrs := make([]attribute.KeyValue, 100)
		for j := range attrs {
			attrs[j] = attribute.String("key"+strconv.Itoa(j), long)
		}
		s.SetAttributes(attrs...)
		for range 20 {
			s.AddEvent(long, trace.WithAttributes(attrs[:5]...))
		}
		r.Log(ctx, log.Severity(i%25), "", long, attrs...)
		r.Log(ctx, log.SeverityInfo, keys.EventHealthStateChanged, long, attribute.String(keys.HealthCheckName, strconv.Itoa(i)+long), attribute.String(keys.HealthCheckMessage, long))
		r.Log(ctx, log.SeverityInfo, keys.EventBulkItemFailed, long, attribute.String(keys.BulkOperationID, strconv.Itoa(i)+long))
		if i%2 == 0 {
			s.SetStatus(codes.Error, long)
		}
		s.End()
	}
	s := r.Summary()
	if s.Bytes > limit || s.MaxBytes > limit {
		t.Errorf("accounts for %d of %d bytes, the limit is %d", s.Bytes, s.MaxBytes, limit)
	}
	if grown := heap() - before; grown > limit*13/10 {
		t.Errorf("the heap grew by %d bytes, the limit is %d", grown, limit)
	}
	runtime.KeepAlive(r)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkSpan(b *testing.B) {
	for name, p := range map[string]sdktrace.SpanProcessor{
		"noop":    noop{},
		"console": New(leastBytes).SpanProcessor(),
	} {
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)).Tracer("bench")
		one := benchSpan(tracer)
		for range 20_000 { // until its rings are full
			one()
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}

// BenchmarkSpanSampledOut is what OTELMON_RECORD_ALL costs.
func BenchmarkSpanSampledOut(b *testing.B) {
	for name, sampler := range map[string]sdktrace.Sampler{
		"dropped":  sdktrace.NeverSample(),
		"recorded": sdktrace.AlwaysRecord(sdktrace.NeverSample()),
	} {
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithSpanProcessor(New(leastBytes).SpanProcessor())).Tracer("bench")
		one := benchSpan(tracer)
		for range 20_000 {
			one()
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}

// benchSpan returns what makes one ordinary span of a server.
func benchSpan(tracer trace.Tracer) func() {
	ctx := context.Background()
	return func() {
		_, s := tracer.Start(ctx, "GET /products/{id}", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", "GET"), attribute.String("http.route", "/products/{id}"),
			attribute.String("url.path", "/products/8841"), attribute.Int("http.response.status_code", 200),
			attribute.String("server.address", "localhost"),
		))
		s.AddEvent("cache.miss")
		s.End()
	}
}

// noop is what the console is compared with.
type noop struct{}

func (noop) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (noop) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (noop) Shutdown(context.Context) error                  { return nil }
func (noop) ForceFlush(context.Context) error                { return nil }
