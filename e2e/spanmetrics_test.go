//go:build unix

package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// testSpanMetrics: of the spans that the other tests sent, Prometheus has the rate,
// the errors and the duration, an example that is found in Jaeger, and who calls
// whom.
func (s realStack) testSpanMetrics(t *testing.T) {
	const request = `job="codesearch",span_name="GET /search",span_kind="SPAN_KIND_SERVER",status_code="STATUS_CODE_UNSET"`
	for expr, want := range map[string]float64{
		`sum by (service_version) (traces_span_metrics_calls_total{instance!="",` + request + `})`:                                                            1,
		`sum(traces_span_metrics_duration_seconds_bucket{` + request + `,le="+Inf"})`:                                                                         1,
		`count(traces_span_metrics_duration_seconds_bucket{` + request + `})`:                                                                                 19,
		`sum(traces_span_metrics_duration_seconds_sum{` + request + `}) < bool 10`:                                                                            1,
		`sum(traces_service_graph_request_total{client="user",server="codesearch"})`:                                                                          1,
		`sum(traces_service_graph_request_total{client="codesearch",server="sqlite"}) >= bool 1`:                                                              1,
		`count(traces_span_metrics_calls_total{collector_instance_id!=""}) or vector(0)`:                                                                      0,
		`count(count by (instance) (traces_span_metrics_calls_total{job="codesearch"}))`:                                                                      1,
		`sum(traces_span_metrics_calls_total{job="etl",span_name="bulk etl.orders"})`:                                                                         1,
		`sum(traces_span_metrics_calls_total{job="ledger-grpc"}) - sum(otelmon_telemetry_created_total{job="ledger-grpc",otelmon_telemetry_signal="traces"})`: 0,
	} {
		s.awaitValue(t, expr, want)
	}
	var answer struct {
		Data []struct {
			Exemplars []struct {
				Labels struct {
					TraceID string `json:"trace_id"`
				}
			}
		}
	}
	query := url.Values{"query": {`traces_span_metrics_duration_seconds_bucket{` + request + `}`}, "start": {unix(-time.Hour)}, "end": {unix(time.Minute)}}
	if err := s.prometheus.ask(t.Context(), "/api/v1/query_exemplars", query, &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Data) == 0 || len(answer.Data[0].Exemplars) == 0 {
		t.Fatalf("no example of a request: %+v", answer)
	}
	example := answer.Data[0].Exemplars[0].Labels.TraceID
	var found struct{ Data []storedTrace }
	if err := s.jaeger.ask(t.Context(), "/api/traces/"+example, nil, &found); err != nil || len(found.Data) != 1 || len(found.Data[0].named("GET /search")) != 1 {
		t.Errorf("the example %q is no trace of a request: %+v, %v", example, found, err)
	}
}

func unix(from time.Duration) string {
	return strconv.FormatInt(time.Now().Add(from).Unix(), 10)
}

// awaitValue waits until a query that Prometheus answers with one number says so.
func (s realStack) awaitValue(t *testing.T, expr string, want float64) {
	t.Helper()
	await(t, time.Minute, s.prometheus.ended, func(ctx context.Context) error {
		var answer struct {
			Data struct {
				Result []struct{ Value [2]any }
			}
		}
		err := s.prometheus.ask(ctx, "/api/v1/query", url.Values{"query": {expr}}, &answer)
		if result := answer.Data.Result; err == nil && (len(result) != 1 || result[0].Value[1] != fmt.Sprint(want)) {
			err = fmt.Errorf("%s is %v, want %v", expr, result, want)
		}
		return err
	})
}
