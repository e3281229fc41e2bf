//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// testSourceLinks walks from a trace to its logs, from one of these back to the
// trace, and from the trace to the metrics of its process, by the links that
// Grafana is provisioned with.
func (s realStack) testSourceLinks(t *testing.T) {
	sources := provisioned(t)
	traced, logged := s.tracedAndLogged(t)
	jaeger := sources["jaeger"].JSONData

	var stream map[string]string
	toLogs := question{where: "trace to logs"}
	toLogs.DataSource.Type = jaeger.TracesToLogs.DataSourceUID
	toLogs.Expr = strings.ReplaceAll(jaeger.TracesToLogs.Query, "${__span.traceId}", logged)
	var never chan error
	await(t, 30*time.Second, never, func(ctx context.Context) error {
		got, err := s.ask(ctx, toLogs)
		if err == nil && got.series == 0 {
			err = fmt.Errorf("%s finds nothing", toLogs.Expr)
		}
		stream = got.labels
		return err
	})
	for _, f := range sources["loki"].JSONData.DerivedFields {
		value := stream[f.MatcherRegex]
		if f.MatcherType != "label" || value == "" {
			t.Errorf("%s: a record has no %s: %v", f.Name, f.MatcherRegex, stream)
		}
		if to := strings.ReplaceAll(f.URL, "${__value.raw}", value); f.DataSourceUID == "jaeger" && to != logged {
			t.Errorf("the record leads to the trace %s, want %s", to, logged)
		}
	}

	var own []string
	for _, tag := range jaeger.TracesToMetrics.Tags {
		for _, p := range traced.Processes {
			for _, have := range p.Tags {
				if have.Key == tag.Key {
					own = append(own, fmt.Sprintf("%s=%q", tag.Value, have.Value))
				}
			}
		}
	}
	if len(own) == 0 {
		t.Fatalf("no process of the trace has a tag of %v: %+v", jaeger.TracesToMetrics.Tags, traced.Processes)
	}
	for _, q := range jaeger.TracesToMetrics.Queries {
		toMetrics := question{where: "trace to " + q.Name}
		toMetrics.DataSource.Type = jaeger.TracesToMetrics.DataSourceUID
		toMetrics.Expr = strings.NewReplacer("$__tags", own[0], "$__rate_interval", "240s").Replace(q.Query)
		if got, err := s.ask(t.Context(), toMetrics); err != nil || got.series == 0 {
			t.Errorf("%s finds nothing (%v)", toMetrics.Expr, err)
		}
	}
}

// tracedAndLogged is the trace of a search, and the id of a trace in which something
// was logged.
func (s realStack) tracedAndLogged(t *testing.T) (traced storedTrace, logged string) {
	t.Helper()
	all, err := s.traces(t.Context(), codesearch, "GET /search")
	if err == nil && len(all) == 0 {
		err = errors.New("no search is traced")
	}
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Result []struct{ Stream map[string]string }
		}
	}
	err = s.loki.ask(t.Context(), "/loki/api/v1/query_range", url.Values{"query": {`{service_name="troubled"} | trace_id != ""`}}, &answer)
	if err != nil || len(answer.Data.Result) == 0 {
		t.Fatalf("no record has a trace (%v)", err)
	}
	return all[0], answer.Data.Result[0].Stream["trace_id"]
}
