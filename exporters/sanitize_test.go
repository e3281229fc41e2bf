package exporters

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/sanitize"
)

// words puts text into every place of a batch that may hold a secret, each with
// the name of its place.
type words func(place string) string

func (w words) attributes(of string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(of+".text", w(of)),
		attribute.StringSlice(of+".list", []string{"first", w(of + " list")}),
		{Key: attribute.Key(of + ".map"), Value: attribute.MapValue(attribute.String("deep", w(of+" map")))},
		attribute.Int(of+".number", 7),
	}
}

func (w words) resource() *resource.Resource {
	return resource.NewSchemaless(w.attributes("resource")...)
}

func (w words) scope() instrumentation.Scope {
	return instrumentation.Scope{Name: "scope", Version: "1", SchemaURL: "schema", Attributes: attribute.NewSet(w.attributes("scope")...)}
}

func (w words) span() sdktrace.ReadOnlySpan {
	of := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	start := time.Unix(1_700_000_000, 0)
	return tracetest.SpanStub{
		Name: "GET " + w("name"), SpanContext: of, Parent: of, SpanKind: trace.SpanKindServer, StartTime: start, EndTime: start.Add(time.Second),
		Attributes:        w.attributes("span"),
		Events:            []sdktrace.Event{{Name: "exception" + w("event name"), Attributes: w.attributes("exception.message"), Time: start}},
		Links:             []sdktrace.Link{{SpanContext: of, Attributes: w.attributes("link"), DroppedAttributeCount: 1}},
		Status:            sdktrace.Status{Code: codes.Error, Description: w("status")},
		DroppedAttributes: 3, DroppedEvents: 4, DroppedLinks: 5, ChildSpanCount: 6,
		Resource: w.resource(), InstrumentationScope: w.scope(),
	}.Snapshot()
}

func (w words) record() *sdklog.Record {
	r := emptyRecord(w.resource(), w.scope())
	r.SetTimestamp(time.Unix(1_700_000_000, 0))
	r.SetObservedTimestamp(time.Unix(1_700_000_001, 0))
	r.SetSeverity(log.SeverityWarn)
	r.SetSeverityText("WARN")
	r.SetEventName("event " + w("event name"))
	r.SetBody(attribute.MapValue(append(w.attributes("body"), attribute.String("message", w("body")))...))
	r.SetAttributes(w.attributes("record")...)
	r.SetTraceID(trace.TraceID{1})
	r.SetSpanID(trace.SpanID{2})
	r.SetTraceFlags(trace.FlagsSampled)
	return &r
}

func (w words) collection() *metricdata.ResourceMetrics {
	set := func(of string) attribute.Set { return attribute.NewSet(w.attributes(of)...) }
	ints := []metricdata.Exemplar[int64]{{FilteredAttributes: w.attributes("exemplar"), Value: 7}}
	floats := []metricdata.Exemplar[float64]{{FilteredAttributes: w.attributes("exemplar"), Value: 7}}
	const cumulative = metricdata.CumulativeTemporality
	var all []metricdata.Metrics
	for _, data := range []metricdata.Aggregation{
		metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: 2}, {Attributes: set("gauge"), Value: 1, Exemplars: ints}}},
		metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{{Attributes: set("gauge"), Exemplars: floats}}},
		metricdata.Sum[int64]{Temporality: cumulative, DataPoints: []metricdata.DataPoint[int64]{{Attributes: set("sum"), Exemplars: ints}}},
		metricdata.Sum[float64]{Temporality: cumulative, DataPoints: []metricdata.DataPoint[float64]{{Attributes: set("sum"), Exemplars: floats}}},
		metricdata.Histogram[int64]{Temporality: cumulative, DataPoints: []metricdata.HistogramDataPoint[int64]{{Attributes: set("histogram"), Exemplars: ints}}},
		metricdata.Histogram[float64]{Temporality: cumulative, DataPoints: []metricdata.HistogramDataPoint[float64]{{Attributes: set("histogram"), Exemplars: floats}}},
		metricdata.ExponentialHistogram[int64]{Temporality: cumulative, DataPoints: []metricdata.ExponentialHistogramDataPoint[int64]{{Attributes: set("exponential"), Exemplars: ints}}},
		metricdata.ExponentialHistogram[float64]{Temporality: cumulative, DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{{Attributes: set("exponential"), Exemplars: floats}}},
		metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{Attributes: set("summary")}}},
	} {
		all = append(all, metricdata.Metrics{Name: "metric", Data: data})
	}
	return &metricdata.ResourceMetrics{Resource: w.resource(), ScopeMetrics: []metricdata.ScopeMetrics{{Scope: w.scope(), Metrics: all}}}
}

// tape keeps what the official exporters would have sent.
type tape struct{ sent bytes.Buffer }

func (c *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(&c.sent, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// encoders returns for each signal what encodes a batch of these words, after z
// if there is one.
func encoders(tb testing.TB, c *tape) map[string]func(w words, z *sanitizer) error {
	tb.Helper()
	ctx, client := context.Background(), &http.Client{Transport: c}
	spans, err1 := otlptracehttp.New(ctx, otlptracehttp.WithHTTPClient(client))
	metrics, err2 := otlpmetrichttp.New(ctx, otlpmetrichttp.WithHTTPClient(client))
	records, err3 := otlploghttp.New(ctx, otlploghttp.WithHTTPClient(client))
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			tb.Fatal(err)
		}
	}
	return map[string]func(words, *sanitizer) error{
		"traces": func(w words, z *sanitizer) error {
			s := w.span()
			if z != nil {
				s = z.span(s)
			}
			return spans.ExportSpans(ctx, []sdktrace.ReadOnlySpan{s})
		},
		"metrics": func(w words, z *sanitizer) error {
			rm := w.collection()
			if z != nil {
				rm = z.metrics(rm)
			}
			return metrics.Export(ctx, rm)
		},
		"logs": func(w words, z *sanitizer) error {
			r := w.record()
			if z != nil {
				z.record(r)
			}
			return records.Export(ctx, []sdklog.Record{*r})
		},
	}
}

// What is sent is what would have been sent if each secret had been a
// placeholder from the start.
func TestNoSecretIsEncoded(t *testing.T) {
	c := new(tape)
	for name, encode := range encoders(t, c) {
		t.Run(name, func(t *testing.T) {
			sent := func(text string, z *sanitizer) string {
				c.sent.Reset()
				if err := encode(func(place string) string { return place + " " + text }, z); err != nil {
					t.Fatal(err)
				}
				return c.sent.String()
			}
			z := newSanitizer(new(sanitize.Rules))
			for text, clean := range map[string]string{
				"password=hunter2":               "password=[redacted]",
				"postgres://app:hunter2@db/shop": "postgres://[redacted]@db/shop",
				`{"apiKey":"hunter2"}`:           `{"apiKey":"[redacted]"}`,
				"/x?sig=hunter2&a=1":             "/x?sig=[redacted]&a=1",
			} {
				if got, want := sent(text, z), sent(clean, nil); got != want {
					t.Errorf("%s: sent\n%q\nwant\n%q", text, got, want)
				}
			}
			for _, text := range []string{"", "token_count=7", "https://shop/cart?page=2", "author", "häßlich"} {
				if got, want := sent(text, z), sent(text, nil); got != want {
					t.Errorf("%s: sent\n%q\nwant\n%q", text, got, want)
				}
			}
		})
	}
}

func TestNothingOfTheSDKIsChanged(t *testing.T) {
	w := words(func(place string) string { return "password=" + place })
	z := newSanitizer(sanitize.New(sanitize.Options{MaxValue: 64}))
	span, rm, record := w.span(), w.collection(), w.record()
	shared := record.Clone()
	z.span(span)
	z.metrics(rm)
	z.record(record)
	if !reflect.DeepEqual(span, w.span()) || !reflect.DeepEqual(rm, w.collection()) || !reflect.DeepEqual(attributesOf(&shared), attributesOf(w.record())) {
		t.Error("the SDK's own memory was changed")
	}
}

func TestCleanTelemetryIsPassedOn(t *testing.T) {
	w := words(func(place string) string { return place })
	z := newSanitizer(new(sanitize.Rules))
	rm := w.collection()
	span := sdktrace.ReadOnlySpan(&struct{ sdktrace.ReadOnlySpan }{w.span()}) // a pointer can be compared
	if z.span(span) != span || z.trimSpan(span) != span || z.metrics(rm) != rm {
		t.Error("what is clean was copied")
	}
	plain := tracetest.SpanStub{
		Name: "GET /cart", Attributes: []attribute.KeyValue{attribute.String("http.request.method", "GET"), attribute.Int("n", 1)}, Resource: w.resource(),
		Events: []sdktrace.Event{{Name: "exception", Attributes: []attribute.KeyValue{attribute.String("exception.message", "EOF")}}},
	}.Snapshot()
	plainRecord := emptyRecord(plain.Resource(), instrumentation.Scope{})
	plainRecord.SetBody(attribute.StringValue("hello"))
	plainRecord.SetAttributes(attribute.String("k", "v"))
	logs := newSanitizer(new(sanitize.Rules))
	if n := testing.AllocsPerRun(100, func() {
		z.span(plain)
		z.trimSpan(plain)
		logs.record(&plainRecord)
		logs.trimRecord(&plainRecord)
		_, _ = sizeOfSpan(plain), sizeOfRecord(&plainRecord)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A queue must not keep alive what was cut off.
func TestTrimBoundsWhatIsKept(t *testing.T) {
	w := words(func(string) string { return strings.Repeat("password=x ", 100) })
	z := newSanitizer(sanitize.New(sanitize.Options{MaxValue: 64}))
	span, record := w.span(), w.record()
	before, beforeRecord := sizeOfSpan(span), sizeOfRecord(record)
	span = z.trimSpan(span)
	z.trimRecord(record)
	if after := sizeOfSpan(span); after > 3500 || before < 10_000 {
		t.Errorf("span: %d bytes of %d", after, before)
	}
	if after := sizeOfRecord(record); after > 2000 || beforeRecord < 5000 {
		t.Errorf("record: %d bytes of %d", after, beforeRecord)
	}
	if got := span.Attributes()[0].Value.AsString(); !strings.HasPrefix(got, "password=[redacted] ") || !strings.HasSuffix(got, " bytes]") {
		t.Errorf("%q", got)
	}
	if span.DroppedAttributes() != 3 || span.ChildSpanCount() != 6 || !span.SpanContext().Equal(w.span().SpanContext()) || !span.EndTime().Equal(w.span().EndTime()) {
		t.Errorf("%+v", tracetest.SpanStubFromReadOnlySpan(span))
	}
	if span.Resource() == nil || span.Resource().Len() == 0 {
		t.Error("the resource is lost")
	}
}

func typicalSpan() sdktrace.ReadOnlySpan {
	return tracetest.SpanStub{
		Name: "GET /cart/{id}", Resource: resource.NewSchemaless(attribute.String("service.name", "shop")),
		SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}),
		Attributes: []attribute.KeyValue{
			attribute.String("http.request.method", "GET"), attribute.String("url.full", "https://shop.example/cart/items?page=2&sort=name"),
			attribute.String("http.route", "/cart/{id}"), attribute.Int("http.response.status_code", 200),
			attribute.String("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:109.0)"), attribute.String("server.address", "shop.example"),
			attribute.Int("server.port", 443), attribute.String("network.protocol.version", "1.1"),
		},
	}.Snapshot()
}

func BenchmarkSanitizeSpan(b *testing.B) {
	z, s := newSanitizer(new(sanitize.Rules)), typicalSpan()
	b.ReportAllocs()
	b.Run("sanitize", func(b *testing.B) {
		for b.Loop() {
			z.span(s)
		}
	})
	b.Run("trim", func(b *testing.B) {
		for b.Loop() {
			z.trimSpan(s)
		}
	})
	b.Run("size", func(b *testing.B) {
		for b.Loop() {
			sizeOfSpan(s)
		}
	})
	b.Run("encode", func(b *testing.B) {
		c := new(tape)
		e, err := otlptracehttp.New(context.Background(), otlptracehttp.WithHTTPClient(&http.Client{Transport: c}))
		if err != nil {
			b.Fatal(err)
		}
		batch := make([]sdktrace.ReadOnlySpan, 512)
		for i := range batch {
			batch[i] = s
		}
		for b.Loop() {
			c.sent.Reset()
			if err := e.ExportSpans(context.Background(), batch); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/512, "ns/span")
	})
}
