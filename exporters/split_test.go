package exporters

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// decoded returns a request as a receiver sees it.
func decoded(tb testing.TB, signal Signal, body []byte) oteltest.Request {
	tb.Helper()
	var q oteltest.Request
	var m proto.Message
	switch signal {
	case Traces:
		q.Traces = &coltrace.ExportTraceServiceRequest{}
		m = q.Traces
	case Metrics:
		q.Metrics = &colmetrics.ExportMetricsServiceRequest{}
		m = q.Metrics
	case Logs:
		q.Logs = &collogs.ExportLogsServiceRequest{}
		m = q.Logs
	}
	if err := proto.Unmarshal(body, m); err != nil {
		tb.Fatal(err)
	}
	return q
}

func numbers(from, to int) (names []string) {
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprint(i))
	}
	return names
}

func TestSplitKeepsEveryItem(t *testing.T) {
	for signal := range Signal(signals) {
		// Requests that were joined on the wire are one request.
		body := slices.Concat(requestOf(t, signal, 4), requestOf(t, signal, 3))
		all := namesIn(decoded(t, signal, body))
		if n, err := count(signal, body); n != 7 || err != nil {
			t.Fatalf("%s: counted %d, %v", signal, n, err)
		}
		for n := range 9 {
			front, back, err := split(signal, body, n)
			if err != nil {
				t.Fatal(err)
			}
			before, after := namesIn(decoded(t, signal, front)), namesIn(decoded(t, signal, back))
			if len(before) != min(n, 7) || !slices.Equal(slices.Concat(before, after), all) {
				t.Errorf("%s after %d: %v and %v", signal, n, before, after)
			}
			if joined := namesIn(decoded(t, signal, slices.Concat(front, back))); !slices.Equal(joined, all) {
				t.Errorf("%s joined again: %v", signal, joined)
			}
		}
	}
}

// What an item belongs to goes with it.
func TestPartKeepsResourceAndScope(t *testing.T) {
	for signal := range Signal(signals) {
		body := requestOf(t, signal, 5)
		got, err := part(signal, body, 2, 4)
		if err != nil {
			t.Fatal(err)
		}
		q := decoded(t, signal, got)
		if names := namesIn(q); !slices.Equal(names, numbers(2, 4)) {
			t.Errorf("%s: %v", signal, names)
		}
		type resourceOf interface {
			GetResource() *resourcepb.Resource
			GetSchemaUrl() string
		}
		type scopeOf interface {
			GetScope() *common.InstrumentationScope
			GetSchemaUrl() string
		}
		var res resourceOf
		var scope scopeOf
		switch signal {
		case Traces:
			res, scope = q.Traces.GetResourceSpans()[0], q.Traces.GetResourceSpans()[0].GetScopeSpans()[0]
		case Metrics:
			res, scope = q.Metrics.GetResourceMetrics()[0], q.Metrics.GetResourceMetrics()[0].GetScopeMetrics()[0]
			if m := q.Metrics.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics()[0]; m.GetName() != "m" || m.GetUnit() != "1" || !m.GetSum().GetIsMonotonic() {
				t.Errorf("metric %v", m)
			}
		case Logs:
			res, scope = q.Logs.GetResourceLogs()[0], q.Logs.GetResourceLogs()[0].GetScopeLogs()[0]
		}
		if len(res.GetResource().GetAttributes()) != 1 || res.GetSchemaUrl() != "res" || scope.GetScope().GetName() != "scope" || scope.GetSchemaUrl() != "scope" {
			t.Errorf("%s: %v in %v", signal, scope, res)
		}
	}
}

// Every kind of metric is cut between its data points.
func TestSplitMetricKinds(t *testing.T) {
	points := make([]*metricspb.NumberDataPoint, 2)
	for i := range points {
		points[i] = &metricspb.NumberDataPoint{TimeUnixNano: 1}
	}
	all := []*metricspb.Metric{
		{Name: "gauge", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: points}}},
		{Name: "sum", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{DataPoints: points}}},
		{Name: "histogram", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{DataPoints: []*metricspb.HistogramDataPoint{{Count: 1}, {Count: 2}}}}},
		{Name: "exponential", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{DataPoints: []*metricspb.ExponentialHistogramDataPoint{{Count: 1}, {Count: 2}}}}},
		{Name: "summary", Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{{Count: 1}, {Count: 2}}}}},
	}
	body := encode(t, &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: all}}}}})
	for i := range 10 {
		one, err := part(Metrics, body, i, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := count(Metrics, one); n != 1 || err != nil {
			t.Errorf("part %d holds %d, %v", i, n, err)
		}
		if got := decoded(t, Metrics, one).Metrics.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics(); len(got) != 1 || got[0].GetName() != all[i/2].GetName() {
			t.Errorf("part %d is %v", i, got)
		}
	}
}

// What cannot be decoded can be cut all the same, or it could not be found.
func TestSplitOfContentThatIsNoText(t *testing.T) {
	body := requestOf(t, Logs, 8)
	body = bytes.Replace(body, []byte("\x0a\x015"), []byte("\x0a\x01\xff"), 1)
	if err := proto.Unmarshal(body, &collogs.ExportLogsServiceRequest{}); err == nil {
		t.Fatal("the text is valid")
	}
	front, _, err := split(Logs, body, 5)
	if err != nil {
		t.Fatal(err)
	}
	if got := namesIn(decoded(t, Logs, front)); !slices.Equal(got, numbers(0, 5)) {
		t.Errorf("%v", got)
	}
}

func FuzzSplit(f *testing.F) {
	for signal := range Signal(signals) {
		f.Add(uint8(signal), requestOf(f, signal, 3), 1)
		f.Add(uint8(signal), requestOf(f, signal, 3)[1:], 1)
	}
	f.Add(uint8(0), protowire.AppendTag(nil, 1, protowire.StartGroupType), 0)
	f.Fuzz(func(t *testing.T, kind uint8, body []byte, at int) {
		signal := Signal(kind % signals)
		n, err := count(signal, body)
		front, back, splitErr := split(signal, body, at)
		if (err == nil) != (splitErr == nil) {
			t.Fatalf("count: %v, split: %v", err, splitErr)
		}
		if err != nil {
			return
		}
		a, errA := count(signal, front)
		b, errB := count(signal, back)
		if errA != nil || errB != nil || a != min(max(at, 0), n) || (at >= 0 && a+b != n) {
			t.Errorf("%d split at %d into %d (%v) and %d (%v)", n, at, a, errA, b, errB)
		}
		_ = record(signal, body)
	})
}

func BenchmarkCount(b *testing.B) {
	body := requestOf(b, Traces, 512)
	b.ReportAllocs()
	for b.Loop() {
		if n, err := count(Traces, body); n != 512 || err != nil {
			b.Fatal(n, err)
		}
	}
}
