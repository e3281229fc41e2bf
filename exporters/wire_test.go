package exporters

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// wantOfficial compares what is written with what the official exporter sends.
func wantOfficial[T any](t *testing.T, batch []T, write func(*wire, []T), export func(context.Context, []T) error) {
	t.Helper()
	got, err := written(nil, func(w *wire) { write(w, batch) })
	if err != nil {
		t.Fatal(err)
	}
	want, err := captured(t.Context(), batch, export, func(b []T) []T { return b })
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("written\n%x\nwant\n%x", got, want)
	}
}

func testEncoder(t *testing.T) *encoder {
	t.Helper()
	e, err := newEncoder(t.Context(), sdkmetric.CumulativeTemporalitySelector, sdkmetric.DefaultAggregationSelector)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func plainly(place string) string { return place }

func TestSpansAreWrittenAsTheOfficialExporterDoes(t *testing.T) {
	e := testEncoder(t)
	state, err := trace.ParseTraceState("vendor=value,other=more")
	if err != nil {
		t.Fatal(err)
	}
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled | 2, TraceState: state, Remote: true})
	res := resource.NewSchemaless(attribute.String("service.name", "shop"))
	same := resource.NewSchemaless(attribute.String("service.name", "shop"))
	long := string(bytes.Repeat([]byte("long "), 1<<16))
	stubs := tracetest.SpanStubs{
		{Resource: res},
		{Resource: same, SpanContext: remote, Parent: remote, Links: []sdktrace.Link{{SpanContext: remote}, {}}, Events: make([]sdktrace.Event, 1)},
		{Resource: res, StartTime: time.Unix(-1, 0), EndTime: time.Unix(0, 0), DroppedAttributes: -1, DroppedEvents: 1 << 31, SpanKind: 77, Status: sdktrace.Status{Code: 77}},
		{Resource: res, Name: long, Status: sdktrace.Status{Code: codes.Ok}, Attributes: []attribute.KeyValue{
			{},
			attribute.String("", ""), attribute.Int("zero", 0), attribute.Bool("false", false), attribute.Float64("zero", 0), attribute.String(long, long),
			attribute.StringSlice("none", nil),
			{Key: "none", Value: attribute.MapValue()},
			{Key: "none", Value: attribute.SliceValue()},
			{Key: "nested", Value: attribute.SliceValue(attribute.Value{}, attribute.StringValue(""), attribute.MapValue(attribute.KeyValue{}))},
			{Key: "bytes", Value: attribute.ByteSliceValue(nil)},
		}},
	}
	for kind := trace.SpanKindUnspecified; kind <= trace.SpanKindConsumer; kind++ {
		stubs = append(stubs, tracetest.SpanStub{Resource: res, SpanKind: kind, InstrumentationScope: instrumentation.Scope{Name: kind.String()}})
	}
	for i := range 300 { // lengths of one, two and more bytes; scopes that take turns
		stubs = append(stubs, tracetest.SpanStub{Resource: res, Name: long[:i], InstrumentationScope: instrumentation.Scope{Version: long[:i%3]}})
	}
	wantOfficial(t, stubs.Snapshots(), (*wire).spans, e.spans.ExportSpans)
	wantOfficial(t, writer(plainly).spans(), (*wire).spans, e.spans.ExportSpans)
	wantOfficial(t, nil, (*wire).spans, e.spans.ExportSpans)
}

func TestRecordsAreWrittenAsTheOfficialExporterDoes(t *testing.T) {
	e := testEncoder(t)
	var kept keepRecords
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewSimpleProcessor(&kept)), sdklog.WithAttributeCountLimit(2))
	for s := log.SeverityUndefined; s <= log.SeverityFatal4+1; s++ {
		var r log.Record
		r.SetSeverity(s)
		r.AddAttributes(attribute.Int("one", 1), attribute.Int("two", 2), attribute.Int("three", 3))
		provider.Logger([]string{"", "a", "b"}[s%3]).Emit(t.Context(), r)
	}
	wantOfficial(t, kept, (*wire).records, e.records.Export)
	wantOfficial(t, writer(plainly).records(), (*wire).records, e.records.Export)
}

// What is unusual is encoded all the same, and a panic costs only its own span.
func TestUnusualIsLeftToTheOfficialExporter(t *testing.T) {
	res, other := resource.NewSchemaless(attribute.Int("of", 1)), resource.NewSchemaless(attribute.Int("of", 2))
	for name, stubs := range map[string]tracetest.SpanStubs{
		"two resources":     {{Resource: res}, {Resource: other}},
		"an empty resource": {{Resource: resource.Empty()}},
		"invalid text":      {{Resource: res, Name: "\xff"}},
	} {
		if _, err := written(nil, func(w *wire) { w.spans(stubs.Snapshots()) }); !errors.Is(err, errUnusual) {
			t.Errorf("%s: %v", name, err)
		}
		body, err := testEncoder(t).encodeSpans(t.Context(), nil, stubs.Snapshots())
		if err != nil || len(body) == 0 {
			t.Errorf("%s: encoded %d bytes, %v", name, len(body), err)
		}
	}
	if _, err := written(nil, func(*wire) { panic("somebody's value") }); !errors.Is(err, errUnusual) {
		t.Errorf("a panic: %v", err)
	}
}

// Spans that are too large together are encoded in parts, one that is so alone
// is not.
func TestLargeBatchesAreNotEncodedWhole(t *testing.T) {
	e := testEncoder(t)
	stub := tracetest.SpanStub{Resource: resource.NewSchemaless(attribute.Int("of", 1)), Name: strings.Repeat("x", maxRequest)}
	body, err := e.encodeSpans(t.Context(), nil, tracetest.SpanStubs{stub, stub, stub, stub}.Snapshots())
	if !errors.Is(err, errLarge) || len(body) > maxRequest*3/2 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if body, err := e.encodeSpans(t.Context(), nil, tracetest.SpanStubs{stub}.Snapshots()); err != nil || len(body) <= maxRequest {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestSqueezedIsPlainAgain(t *testing.T) {
	for _, body := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("span "), maxRequest/5)} {
		squeezed := s2.Encode(nil, body)
		got, err := plain([]byte("before "), parcel{squeezed: true, body: squeezed})
		if err != nil || string(got) != "before "+string(body) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		for n := range min(len(squeezed), 100) {
			if got, err := plain([]byte("before "), parcel{squeezed: true, body: squeezed[:n]}); err == nil || string(got) != "before " {
				t.Errorf("cut to %d bytes: %q, %v", n, got, err)
			}
		}
	}
	huge := s2.Encode(nil, make([]byte, maxRequest+1))
	if _, err := plain(nil, parcel{squeezed: true, body: huge}); !errors.Is(err, errLarge) {
		t.Error(err)
	}
}
