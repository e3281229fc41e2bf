package oteltest

import (
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Spans returns every span that was accepted, oldest first.
func (r *Receiver) Spans() []*tracepb.Span {
	var all []*tracepb.Span
	for _, q := range r.Requests() {
		for _, resource := range q.Traces.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				all = append(all, scope.GetSpans()...)
			}
		}
	}
	return all
}

// Metrics returns every metric that was accepted, once for each collection,
// oldest first.
func (r *Receiver) Metrics() []*metricspb.Metric {
	var all []*metricspb.Metric
	for _, q := range r.Requests() {
		for _, resource := range q.Metrics.GetResourceMetrics() {
			for _, scope := range resource.GetScopeMetrics() {
				all = append(all, scope.GetMetrics()...)
			}
		}
	}
	return all
}

// Logs returns every log record that was accepted, oldest first.
func (r *Receiver) Logs() []*logspb.LogRecord {
	var all []*logspb.LogRecord
	for _, q := range r.Requests() {
		for _, resource := range q.Logs.GetResourceLogs() {
			for _, scope := range resource.GetScopeLogs() {
				all = append(all, scope.GetLogRecords()...)
			}
		}
	}
	return all
}
