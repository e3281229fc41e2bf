package exporters

import (
	"fmt"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// Seconds is the value of the probe's data point: [Probe.At] in Unix time.
func (p Probe) Seconds() float64 { return float64(p.At.UnixMilli()) / 1000 }

// Message is the body of the probe's log record. It holds the trace's id, since
// some stores search in nothing else.
func (p Probe) Message() string { return "otelmon probe " + p.TraceID.String() }

// encode returns the request for one signal.
func (p Probe) encode(signal Signal) ([]byte, error) {
	var request proto.Message
	switch signal {
	case Traces:
		request = &coltrace.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
			Resource: p.resource(), ScopeSpans: []*tracepb.ScopeSpans{{Scope: probeScope(), Spans: []*tracepb.Span{p.span()}}},
		}}}
	case Metrics:
		request = &colmetrics.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
			Resource: p.resource(), ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: probeScope(), Metrics: []*metricspb.Metric{p.metric()}}},
		}}}
	case Logs:
		request = &collogs.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
			Resource: p.resource(), ScopeLogs: []*logspb.ScopeLogs{{Scope: probeScope(), LogRecords: []*logspb.LogRecord{p.record()}}},
		}}}
	default:
		return nil, fmt.Errorf("signal %d is unknown", signal)
	}
	return proto.Marshal(request)
}

func (p Probe) resource() *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*common.KeyValue{
		{Key: "service.name", Value: stringValue(p.Service)},
		{Key: keys.Probe, Value: &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: true}}},
	}}
}

func probeScope() *common.InstrumentationScope {
	return &common.InstrumentationScope{Name: keys.ScopeDoctor}
}

func stringValue(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

// span lasts a millisecond: some backends draw nothing shorter.
func (p Probe) span() *tracepb.Span {
	const sampled = 1
	return &tracepb.Span{
		TraceId: p.TraceID[:], SpanId: p.spanID[:], Flags: sampled,
		Name: keys.Probe, Kind: tracepb.Span_SPAN_KIND_INTERNAL,
		StartTimeUnixNano: p.nanos(), EndTimeUnixNano: p.nanos() + 1e6,
	}
}

// metric is told from another probe's by its value, so that probes make no more
// than one series for each service.
func (p Probe) metric() *metricspb.Metric {
	return &metricspb.Metric{
		Name: keys.ProbeTimestamp, Unit: "s", Description: "Time of the last probe, in seconds since 1970.",
		Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{{
			TimeUnixNano: p.nanos(), Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: p.Seconds()},
		}}}},
	}
}

func (p Probe) record() *logspb.LogRecord {
	return &logspb.LogRecord{
		TimeUnixNano: p.nanos(), ObservedTimeUnixNano: p.nanos(),
		SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_INFO, SeverityText: "INFO",
		EventName: keys.Probe, Body: stringValue(p.Message()),
		TraceId: p.TraceID[:], SpanId: p.spanID[:], Flags: 1,
	}
}

func (p Probe) nanos() uint64 { return uint64(p.At.UnixNano()) }
