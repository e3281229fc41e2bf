package exporters

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// writer words every place of a batch that takes text.
type writer func(place string) string

// places collects the names of all places that write asks for.
func places(write func(writer)) []string {
	var all []string
	write(func(place string) string {
		all = append(all, place)
		return place
	})
	return all
}

// one puts text into one place and leaves the others as they are.
func one(chosen, text string) writer {
	return func(place string) string {
		if place == chosen {
			return text
		}
		return place
	}
}

// attributes has text in every kind of value that takes some.
func (w writer) attributes(of string) []attribute.KeyValue {
	value := func(kind string) attribute.Value { return attribute.StringValue(w(of + " " + kind)) }
	return []attribute.KeyValue{
		attribute.String(w(of+" key"), "v"),
		{Key: "string", Value: value("string")},
		attribute.StringSlice("strings", []string{"first", w(of + " strings"), "last"}),
		{Key: "slice", Value: attribute.SliceValue(attribute.BoolValue(true), value("slice"), attribute.SliceValue(value("slice in slice")))},
		{Key: "map", Value: attribute.MapValue(
			attribute.String(w(of+" key in map"), "v"),
			attribute.KeyValue{Key: "deep", Value: attribute.MapValue(attribute.KeyValue{Key: "string", Value: value("map in map")})},
		)},
		{Key: "bytes", Value: attribute.ByteSliceValue([]byte("\xff\xfe"))},
		attribute.Bool("bool", true), attribute.Int64("int", -1), attribute.Float64("float", 0.5),
		attribute.BoolSlice("bools", []bool{true}), attribute.Int64Slice("ints", []int64{1, 2}), attribute.Float64Slice("floats", []float64{0.5}),
	}
}

func (w writer) resource() *resource.Resource {
	return resource.NewWithAttributes(w("resource schema"), w.attributes("resource")...)
}

func (w writer) scope() instrumentation.Scope {
	return instrumentation.Scope{
		Name: w("scope name"), Version: w("scope version"), SchemaURL: w("scope schema"), Attributes: attribute.NewSet(w.attributes("scope")...),
	}
}

var (
	traceID = trace.TraceID{1, 2, 3}
	spanID  = trace.SpanID{4, 5, 6}
	moment  = time.Unix(1_700_000_000, 7)
)

func (w writer) spans() []sdktrace.ReadOnlySpan {
	of := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled})
	return tracetest.SpanStubs{
		{
			Name: w("span name"), SpanContext: of, Parent: of, SpanKind: trace.SpanKindServer, StartTime: moment, EndTime: moment.Add(time.Second),
			Attributes:        w.attributes("span"),
			Events:            []sdktrace.Event{{Name: w("event name"), Attributes: w.attributes("event"), DroppedAttributeCount: 1, Time: moment}},
			Links:             []sdktrace.Link{{SpanContext: of, Attributes: w.attributes("link"), DroppedAttributeCount: 2}},
			Status:            sdktrace.Status{Code: otelcodes.Error, Description: w("status")},
			DroppedAttributes: 3, DroppedEvents: 4, DroppedLinks: 5, ChildSpanCount: 6,
			Resource: w.resource(), InstrumentationScope: w.scope(),
		},
		{Name: "nothing wrong", SpanContext: of, Resource: w.resource(), InstrumentationScope: w.scope()},
	}.Snapshots()
}

func (w writer) records() []sdklog.Record {
	var kept keepRecords
	scope := w.scope()
	provider := sdklog.NewLoggerProvider(sdklog.WithResource(w.resource()), sdklog.WithProcessor(sdklog.NewSimpleProcessor(&kept)))
	logger := provider.Logger(scope.Name, log.WithInstrumentationVersion(scope.Version), log.WithSchemaURL(scope.SchemaURL),
		log.WithInstrumentationAttributes(scope.Attributes.ToSlice()...))
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled}))
	var r log.Record
	r.SetTimestamp(moment)
	r.SetObservedTimestamp(moment.Add(time.Second))
	r.SetEventName(w("event name"))
	r.SetSeverity(log.SeverityWarn2)
	r.SetSeverityText(w("severity"))
	r.SetBody(attribute.MapValue(w.attributes("body")...))
	r.AddAttributes(w.attributes("record")...)
	logger.Emit(ctx, r)
	var plain log.Record
	plain.SetObservedTimestamp(moment)
	plain.SetBody(attribute.StringValue(w("plain body")))
	logger.Emit(ctx, plain)
	return kept
}

func (w writer) collection() *metricdata.ResourceMetrics {
	set := func(kind string) attribute.Set { return attribute.NewSet(w.attributes(kind)...) }
	ints := []metricdata.Exemplar[int64]{{FilteredAttributes: w.attributes("exemplar int"), Time: moment, Value: 7, SpanID: spanID[:], TraceID: traceID[:]}}
	floats := []metricdata.Exemplar[float64]{{FilteredAttributes: w.attributes("exemplar float"), Time: moment, Value: 7}}
	const cumulative = metricdata.CumulativeTemporality
	var all []metricdata.Metrics
	add := func(kind string, data metricdata.Aggregation) {
		all = append(all, metricdata.Metrics{Name: w(kind + " name"), Description: w(kind + " description"), Unit: w(kind + " unit"), Data: data})
	}
	add("gauge int", metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
		{Attributes: set("gauge int"), Time: moment, Value: 1, Exemplars: ints}, {Time: moment, Value: 2},
	}})
	add("gauge float", metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{{Attributes: set("gauge float"), Value: 1, Exemplars: floats}}})
	add("sum int", metricdata.Sum[int64]{Temporality: cumulative, IsMonotonic: true, DataPoints: []metricdata.DataPoint[int64]{{Attributes: set("sum int"), StartTime: moment, Value: 1}}})
	add("sum float", metricdata.Sum[float64]{Temporality: cumulative, DataPoints: []metricdata.DataPoint[float64]{{Attributes: set("sum float"), Value: 1}}})
	add("histogram int", metricdata.Histogram[int64]{Temporality: cumulative, DataPoints: []metricdata.HistogramDataPoint[int64]{{
		Attributes: set("histogram int"), Count: 1, Bounds: []float64{1}, BucketCounts: []uint64{0, 1}, Min: metricdata.NewExtrema[int64](2), Sum: 2, Exemplars: ints,
	}}})
	add("histogram float", metricdata.Histogram[float64]{Temporality: cumulative, DataPoints: []metricdata.HistogramDataPoint[float64]{{Attributes: set("histogram float"), Exemplars: floats}}})
	add("exponential int", metricdata.ExponentialHistogram[int64]{Temporality: cumulative, DataPoints: []metricdata.ExponentialHistogramDataPoint[int64]{{
		Attributes: set("exponential int"), Count: 1, Scale: 3, PositiveBucket: metricdata.ExponentialBucket{Offset: 1, Counts: []uint64{1}}, Exemplars: ints,
	}}})
	add("exponential float", metricdata.ExponentialHistogram[float64]{Temporality: cumulative, DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{{Attributes: set("exponential float"), Exemplars: floats}}})
	add("summary", metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{Attributes: set("summary"), Count: 1, QuantileValues: []metricdata.QuantileValue{{Quantile: 0.5, Value: 1}}}}})
	return &metricdata.ResourceMetrics{Resource: w.resource(), ScopeMetrics: []metricdata.ScopeMetrics{{Scope: w.scope(), Metrics: all}}}
}

// scribe is a signal whose batches are written by a writer.
type scribe struct {
	write  func(writer)
	encode func(writer) ([]byte, error)
	body   func() proto.Message
}

func scribes(tb testing.TB) map[string]scribe {
	tb.Helper()
	ctx := context.Background()
	e, err := newEncoder(ctx, sdkmetric.CumulativeTemporalitySelector, sdkmetric.DefaultAggregationSelector)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]scribe{
		"traces": {
			func(w writer) { w.spans() },
			func(w writer) ([]byte, error) { return e.encodeSpans(ctx, nil, w.spans()) },
			func() proto.Message { return new(coltrace.ExportTraceServiceRequest) },
		},
		"metrics": {
			func(w writer) { w.collection() },
			func(w writer) ([]byte, error) {
				rm := w.collection()
				body, err := e.encodeMetrics(ctx, rm)
				if !reflect.DeepEqual(rm, w.collection()) {
					tb.Error("the SDK's own memory was changed")
				}
				return body, err
			},
			func() proto.Message { return new(colmetrics.ExportMetricsServiceRequest) },
		},
		"logs": {
			func(w writer) { w.records() },
			func(w writer) ([]byte, error) { return e.encodeRecords(ctx, nil, w.records()) },
			func() proto.Message { return new(collogs.ExportLogsServiceRequest) },
		},
	}
}

// encoded is the request of a batch.
func (s scribe) encoded(tb testing.TB, w writer) proto.Message {
	tb.Helper()
	body, err := s.encode(w)
	if err != nil {
		tb.Fatal(err)
	}
	m := s.body()
	if err := proto.Unmarshal(body, m); err != nil {
		tb.Fatal(err)
	}
	return m
}

// What is encoded is what would have been if the text had been right from the
// start: nothing else changes, nothing is lost.
func TestInvalidTextIsRepaired(t *testing.T) {
	for name, s := range scribes(t) {
		t.Run(name, func(t *testing.T) {
			for _, place := range places(s.write) {
				got := s.encoded(t, one(place, "a\xff\xfeb\xffc"))
				want := s.encoded(t, one(place, "a\uFFFDb\uFFFDc"))
				if !proto.Equal(got, want) {
					t.Fatalf("%s: encoded\n%v\nwant\n%v", place, got, want)
				}
			}
		})
	}
}

// A repair that does not help is not tried again.
func TestRepairIsTriedOnce(t *testing.T) {
	calls := 0
	_, invalid := proto.Marshal(wrapperspb.String("\xff"))
	_, err := captured(t.Context(), 1, func(context.Context, int) error { calls++; return invalid }, func(i int) int { return i })
	if !errors.Is(err, invalid) || calls != 2 {
		t.Errorf("%v after %d calls, want 2", err, calls)
	}
}

func FuzzRepair(f *testing.F) {
	for _, text := range []string{"", "valid", "\xff", "a\xffb", "\xed\xa0\x80", "ä\xc3", "\xc3\x28\uFFFD", strings.Repeat("\xff", 1000)} {
		f.Add(text)
	}
	all := scribes(f)
	f.Fuzz(func(t *testing.T, text string) {
		put := func(text string) writer { return func(place string) string { return place + text } }
		for name, s := range all {
			got, want := s.encoded(t, put(text)), s.encoded(t, put(strings.ToValidUTF8(text, "\uFFFD")))
			if !proto.Equal(got, want) {
				t.Errorf("%s: encoded\n%v\nwant\n%v", name, got, want)
			}
		}
	})
}

type keepRecords []sdklog.Record

func (k *keepRecords) Export(_ context.Context, batch []sdklog.Record) error {
	for _, r := range batch {
		*k = append(*k, r.Clone())
	}
	return nil
}
func (*keepRecords) ForceFlush(context.Context) error { return nil }
func (*keepRecords) Shutdown(context.Context) error   { return nil }
