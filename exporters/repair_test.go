package exporters_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
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
	var kept capture
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
	write func(writer)
	send  func(writer) error
	sent  exporters.Delivery
	items int64
}

// scribes returns one for every signal over every protocol.
func scribes(tb testing.TB, r *oteltest.Receiver) map[string]*scribe {
	tb.Helper()
	all := map[string]*scribe{}
	ctx := context.Background()
	for name, e := range map[string]exporters.Endpoint{
		"http": {URL: r.HTTPURL()},
		"grpc": {URL: r.GRPCURL(), Protocol: exporters.ProtocolGRPC},
	} {
		spans, err1 := e.Traces(ctx)
		metrics, err2 := e.Metrics(ctx, nil, nil)
		records, err3 := e.Logs(ctx)
		if err := errors.Join(err1, err2, err3); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := errors.Join(spans.Shutdown(ctx), metrics.Shutdown(ctx), records.Shutdown(ctx)); err != nil {
				tb.Error(err)
			}
		})
		s, m, l := &scribe{items: 2}, &scribe{items: 10}, &scribe{items: 2}
		s.write = func(w writer) { w.spans() }
		s.send = func(w writer) error { return s.sent.Traces(spans).ExportSpans(ctx, w.spans()) }
		m.write = func(w writer) { w.collection() }
		m.send = func(w writer) error {
			rm := w.collection()
			err := m.sent.Metrics(metrics).Export(ctx, rm)
			if !reflect.DeepEqual(rm, w.collection()) {
				tb.Error("the SDK's own memory was changed")
			}
			return err
		}
		l.write = func(w writer) { w.records() }
		l.send = func(w writer) error { return l.sent.Logs(records).Export(ctx, w.records()) }
		all["traces/"+name], all["metrics/"+name], all["logs/"+name] = s, m, l
	}
	return all
}

// arrives sends a batch and returns what the receiver got in its one request.
func (s *scribe) arrives(tb testing.TB, r *oteltest.Receiver, w writer) proto.Message {
	tb.Helper()
	before, counted := len(r.Requests()), s.sent.Snapshot()
	if err := s.send(w); err != nil {
		tb.Fatal(err)
	}
	now := s.sent.Snapshot()
	if now.Delivered-counted.Delivered != s.items || now.Failed != 0 {
		tb.Errorf("delivered %d more, failed %d, want %d and 0", now.Delivered-counted.Delivered, now.Failed, s.items)
	}
	requests := r.Requests()[before:]
	if len(requests) != 1 {
		tb.Fatalf("%d requests, want 1", len(requests))
	}
	switch q := requests[0]; {
	case q.Traces != nil:
		return q.Traces
	case q.Metrics != nil:
		return q.Metrics
	default:
		return q.Logs
	}
}

// What arrives is what would have arrived if the text had been right from the
// start: nothing else changes, nothing is lost.
func TestInvalidTextArrives(t *testing.T) {
	r := start(t, oteltest.Options{})
	for name, s := range scribes(t, r) {
		if strings.HasSuffix(name, "/grpc") {
			continue // what is repaired does not hang on the protocol; FuzzRepair covers both
		}
		t.Run(name, func(t *testing.T) {
			for _, place := range places(s.write) {
				got := s.arrives(t, r, one(place, "a\xff\xfeb\xffc"))
				want := s.arrives(t, r, one(place, "a\uFFFDb\uFFFDc"))
				if !proto.Equal(got, want) {
					t.Fatalf("%s: arrived\n%v\nwant\n%v", place, got, want)
				}
			}
		})
	}
}

// Only what this side cannot write is repaired. A batch that the server
// complains of may have been taken.
func TestServerThatComplainsOfText(t *testing.T) {
	r := start(t, oteltest.Options{})
	for _, fault := range []oteltest.Fault{
		{Status: http.StatusBadRequest, Code: codes.InvalidArgument, Message: "string field contains invalid UTF-8"},
		{Rejected: 1, Message: "string field contains invalid UTF-8"},
	} {
		r.Fail(fault)
		for _, row := range matrix(r) {
			t.Run(row.name, func(t *testing.T) {
				before := len(r.Requests())
				var d exporters.Delivery
				if err := open(t, row.signal, row.endpoint, &d).send(t.Context(), 2); err == nil {
					t.Error("the server's complaint is lost")
				}
				if got := len(r.Requests()) - before; got != 1 {
					t.Errorf("%d requests, want 1", got)
				}
			})
		}
	}
}

// A repair that does not help is not tried again.
func TestRepairIsTriedOnce(t *testing.T) {
	for _, name := range []string{"traces", "metrics", "logs"} {
		calls := 0
		var d exporters.Delivery
		_, invalid := proto.Marshal(wrapperspb.String("\xff"))
		p := shielded(func(context.Context) error { calls++; return invalid }, &d)[name]
		if err := p.send(t.Context(), 3); !errors.Is(err, invalid) || calls != 2 {
			t.Errorf("%s: %v after %d calls, want 2", name, err, calls)
		}
		wantCounts(t, &d, 0, 3)
	}
}

func FuzzRepair(f *testing.F) {
	for _, text := range []string{"", "valid", "\xff", "a\xffb", "\xed\xa0\x80", "ä\xc3", "\xc3\x28\uFFFD", strings.Repeat("\xff", 1000)} {
		f.Add(text)
	}
	r, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(r.Close)
	all := scribes(f, r)
	f.Fuzz(func(t *testing.T, text string) {
		put := func(text string) writer { return func(place string) string { return place + text } }
		for name, s := range all {
			got, want := s.arrives(t, r, put(text)), s.arrives(t, r, put(strings.ToValidUTF8(text, "\uFFFD")))
			if !proto.Equal(got, want) {
				t.Errorf("%s: arrived\n%v\nwant\n%v", name, got, want)
			}
		}
	})
}
