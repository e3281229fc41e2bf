package exporters

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// requestOf returns an encoded request of that many items, named 0, 1, ….
func requestOf(tb testing.TB, signal Signal, items int) []byte {
	tb.Helper()
	res := &resourcepb.Resource{Attributes: []*common.KeyValue{attr("service.name", "test")}}
	scope := &common.InstrumentationScope{Name: "scope", Version: "1"}
	var request proto.Message
	switch signal {
	case Traces:
		spans := make([]*tracepb.Span, items)
		for i := range spans {
			spans[i] = &tracepb.Span{TraceId: []byte("0123456789abcdef"), SpanId: []byte("01234567"), Name: fmt.Sprint(i)}
		}
		request = &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
			Resource: res, SchemaUrl: "res", ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope, SchemaUrl: "scope", Spans: spans}},
		}}}
	case Metrics:
		points := make([]*metricspb.NumberDataPoint, items)
		for i := range points {
			points[i] = &metricspb.NumberDataPoint{Attributes: []*common.KeyValue{attr("i", fmt.Sprint(i))}}
		}
		request = &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
			Resource: res, SchemaUrl: "res", ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: scope, SchemaUrl: "scope", Metrics: []*metricspb.Metric{{
				Name: "m", Unit: "1", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{IsMonotonic: true, DataPoints: points}},
			}}}},
		}}}
	case Logs:
		records := make([]*logspb.LogRecord, items)
		for i := range records {
			records[i] = &logspb.LogRecord{Body: text(fmt.Sprint(i))}
		}
		request = &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
			Resource: res, SchemaUrl: "res", ScopeLogs: []*logspb.ScopeLogs{{Scope: scope, SchemaUrl: "scope", LogRecords: records}},
		}}}
	}
	return encode(tb, request)
}

func encode(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

func attr(key, value string) *common.KeyValue { return &common.KeyValue{Key: key, Value: text(value)} }

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

// namesIn returns the names of the items of a decoded request.
func namesIn(q oteltest.Request) (names []string) {
	for _, r := range q.Traces.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				names = append(names, span.GetName())
			}
		}
	}
	for _, r := range q.Metrics.GetResourceMetrics() {
		for _, s := range r.GetScopeMetrics() {
			for _, m := range s.GetMetrics() {
				for _, p := range m.GetSum().GetDataPoints() {
					names = append(names, p.GetAttributes()[0].GetValue().GetStringValue())
				}
			}
		}
	}
	for _, r := range q.Logs.GetResourceLogs() {
		for _, s := range r.GetScopeLogs() {
			for _, l := range s.GetLogRecords() {
				names = append(names, l.GetBody().GetStringValue())
			}
		}
	}
	return names
}

// arrived returns the names of all items that a receiver took.
func arrived(r *oteltest.Receiver) (names []string) {
	for _, q := range r.Requests() {
		names = append(names, namesIn(q)...)
	}
	return names
}

func receiver(tb testing.TB, o oteltest.Options) *oteltest.Receiver {
	tb.Helper()
	r, err := oteltest.Start(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func senderTo(tb testing.TB, e Endpoint, signal Signal) *sender {
	tb.Helper()
	s, err := e.sender(signal)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.close)
	return s
}

// both returns endpoints of a receiver over both protocols.
func both(r *oteltest.Receiver) map[string]Endpoint {
	return map[string]Endpoint{"http": {URL: r.HTTPURL()}, "grpc": {URL: r.GRPCURL(), Protocol: ProtocolGRPC}}
}

func wantAnswer(t *testing.T, a answer, kind answerKind, words string) {
	t.Helper()
	if a.kind != kind || (a.err == nil) != (words == "") || a.err != nil && !strings.Contains(a.err.Error()+Explain(a.err), words) {
		t.Errorf("%s: %v\nexplained as %q, want %s with %q", a.kind, a.err, Explain(a.err), kind, words)
	}
}

// answering serves one fixed behaviour over HTTP.
func answering(t *testing.T, handle http.HandlerFunc) Endpoint {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return Endpoint{URL: server.URL}
}

func write(tb testing.TB, file, content string) {
	tb.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// tcp answers every connection in its own way.
func tcp(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var open []net.Conn
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			open = append(open, conn)
			handle(conn)
		}
		for _, conn := range open {
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "http://" + l.Addr().String()
}

func authorityIn(tb testing.TB) *oteltest.Authority {
	tb.Helper()
	a, err := oteltest.NewAuthority(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return a
}
