//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
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
		if to := f.follow(t, stream); f.DataSourceUID == "jaeger" && to != logged {
			t.Errorf("the record leads to the trace %s, want %s", to, logged)
		}
	}
	for _, job := range []string{codesearch, troubledJob} {
		s.testDashboardOfRecord(t, sources["loki"].JSONData.DerivedFields, job)
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

// testDashboardOfRecord: a record of the service, whether it has a trace or not, leads
// to a dashboard by the name that Prometheus knows the service by.
func (s realStack) testDashboardOfRecord(t *testing.T, fields []derivedField, job string) {
	t.Helper()
	record := question{where: "a record of " + job}
	record.DataSource.Type, record.Expr = "loki", fmt.Sprintf("{service_name=%q}", path.Base(job))
	got, err := s.ask(t.Context(), record)
	if err != nil || got.series == 0 {
		t.Fatalf("%s: %d, %v", record.where, got.series, err)
	}
	i := slices.IndexFunc(fields, func(f derivedField) bool { return f.DataSourceUID == "" })
	to, err := url.Parse(fields[i].follow(t, got.labels))
	if err != nil {
		t.Fatal(err)
	}
	known := question{where: record.where + " leads to " + to.String()}
	known.DataSource.Type, known.Instant = "prometheus", true
	known.Expr = fmt.Sprintf("process_uptime_seconds{job=%q}", to.Query().Get("var-service"))
	if got, err := s.ask(t.Context(), known); err != nil || got.labels["job"] != job {
		t.Errorf("%s: there is %v, %v", known.where, got.labels, err)
	}
}

// follow is where Grafana leads from a record: with the value of the first of its
// labels that the expression is found in.
func (f derivedField) follow(t *testing.T, stream map[string]string) string {
	t.Helper()
	for _, label := range slices.Sorted(maps.Keys(stream)) {
		if f.MatcherType == "label" && regexp.MustCompile(f.MatcherRegex).MatchString(label) {
			return strings.ReplaceAll(f.URL, "${__value.raw}", stream[label])
		}
	}
	t.Errorf("%s: a record has no label %s: %v", f.Name, f.MatcherRegex, stream)
	return ""
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
