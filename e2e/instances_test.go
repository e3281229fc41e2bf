package e2e

import (
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// TestEndedOperationsDoNotCount: what a process said last of an operation is seen for
// five minutes after its end, and the dashboards do not add it to what others do.
func TestEndedOperationsDoNotCount(t *testing.T) {
	p, now := newPrometheusStore(t), time.Now()
	store := p.db.Appender(t.Context())
	add := func(metric, instance string, before time.Duration, value float64) {
		series := labels.FromStrings("__name__", metric, "job", "etl", "instance", instance, "bulk_operation_name", "load")
		if _, err := store.Append(0, series, now.Add(-before).UnixMilli(), value); err != nil {
			t.Fatal(err)
		}
	}
	for _, metric := range []string{
		"bulk_operation_throughput_per_second", "bulk_concurrency_usage", "bulk_concurrency_limit", "bulk_batch_limit",
	} {
		add(metric, "ended", 3*time.Minute, 300)
		add(metric, "running", time.Second, 100)
	}
	add("bulk_operation_active", "ended", 3*time.Minute, 1)
	add("bulk_operation_active", "ended", 2*time.Minute, 0)
	add("bulk_operation_active", "running", time.Second, 1)
	if err := store.Commit(); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, q := range questions(t) {
		switch q.where {
		case "bulk/Throughput/A", "bulk/Workers against their limit/A", "bulk/Workers against their limit/B",
			"bulk/Size of batches, at most/A", "bulk/Throughput against the usual/A":
			asked++
			if got := p.value(t, of("etl").fill(t, q.Expr), now); got != 100 {
				t.Errorf("%s is %v, want the 100 of the process that runs", q.where, got)
			}
		}
	}
	if asked != 5 {
		t.Errorf("%d questions are asked, want 5", asked)
	}
}

// TestManyInstances: a figure is one number, and a graph can be read, however many
// processes there are.
func TestManyInstances(t *testing.T) {
	p, now := newPrometheusStore(t), time.Now()
	store := p.db.Appender(t.Context())
	for i := range 200 {
		for _, metric := range []string{"otelmon_telemetry_store_active_ratio", "go_goroutine_count"} {
			series := labels.FromStrings("__name__", metric, "job", "shop", "instance", strconv.Itoa(i), "otelmon_telemetry_store", "disk")
			if _, err := store.Append(0, series, now.UnixMilli(), 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := store.Commit(); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]float64{"delivery/Where it waits/A": 1, "overview/Goroutines/A": 8} {
		q, ok := find(questions(t), func(q question) bool { return q.where == where })
		if !ok {
			t.Fatalf("no %s", where)
		}
		if got := p.value(t, "count("+of("shop").fill(t, q.Expr)+")", now); got != want {
			t.Errorf("%s shows %v series, want %v", where, got, want)
		}
	}
}

// value is that of the only series that the expression has now.
func (p *prometheusStore) value(t *testing.T, expr string, now time.Time) float64 {
	t.Helper()
	q, err := p.engine.NewInstantQuery(t.Context(), p.db, nil, expr, now)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	all, err := q.Exec(t.Context()).Vector()
	if err != nil || len(all) != 1 {
		t.Fatalf("%s is %v, %v", expr, all, err)
	}
	return all[0].F
}
