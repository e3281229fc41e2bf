package mcp

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
)

// TestHistoriesReachBackSixHours changes a gauge an hour ago, which the fine
// history does not tell any more.
func TestHistoriesReachBackSixHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.Shutdown(t)
		start := time.Now()
		g, err := r.Meter().Float64Gauge("shop.queue")
		if err != nil {
			t.Fatal(err)
		}
		at := func(n string, v float64, long time.Duration) {
			for range int(long / time.Minute) {
				g.Record(t.Context(), v, metric.WithAttributes(attribute.String("n", n)))
				r.Log(t.Context(), log.SeverityInfo, "", "the queue was looked at")
				<-time.After(time.Minute)
			}
		}
		at("old", 10, 4*time.Hour)
		at("old", 50, 50*time.Minute)
		at("new", 1, 10*time.Minute)
		r.Log(t.Context(), log.SeverityError, "", "the queue is full")
		<-time.After(time.Second)

		type answered struct {
			Window struct{ From time.Time }
			Every  int `json:"seconds_between_points"`
			Series []struct {
				Value, Least, Most float64
				Attributes         map[string]string
				Since              time.Time
				History            []float64
			}
			Since struct {
				Spans, Logs, Metrics time.Time
				Every                int `json:"seconds_between_points_of_metrics"`
			} `json:"compared_since"`
			Metrics []struct {
				Name   string
				Now    float64 `json:"mean_now"`
				Before float64 `json:"mean_before"`
			}
			Logs []struct{ Template string }
		}
		ask := func(tool string, arguments map[string]any) (a answered) {
			t.Helper()
			text, isError := r.called(t, readToken, tool, arguments)
			if err := json.Unmarshal([]byte(text), &a); err != nil || isError {
				t.Fatalf("%s: %v", text, err)
			}
			return a
		}
		near := func(what string, got, want time.Time) {
			t.Helper()
			if d := got.Sub(want).Abs(); d > time.Minute {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}

		short := ask("query_metrics", map[string]any{"name": "shop.queue"})
		if s := short.Series[1]; short.Every != 30 || s.Least != 50 || len(s.History) != maxPoints {
			t.Errorf("15 minutes: %+v", short)
		}
		near("begin of 15 minutes", short.Window.From, time.Now().Add(-15*time.Minute))
		long := ask("query_metrics", map[string]any{"name": "shop.queue", "since": "6h"})
		if s := long.Series[1]; long.Every != 600 || s.Least != 10 || s.Most != 50 || s.History[0] != 10 || len(s.History) != maxPoints || !s.Since.IsZero() {
			t.Errorf("6 hours: %+v", long)
		}
		near("begin of 6 hours", long.Window.From, start)
		near("begin of the new series", long.Series[0].Since, start.Add(4*time.Hour+50*time.Minute))

		usual := ask("compare", nil)
		if usual.Since.Every != 5 || len(usual.Metrics) != 0 || len(usual.Logs) != 1 || usual.Logs[0].Template != "the queue is full" {
			t.Errorf("15 minutes: %+v", usual)
		}
		near("logs", usual.Since.Logs, time.Now().Add(-15*time.Minute))
		far := ask("compare", map[string]any{"since": "6h", "window": "10m"})
		if far.Since.Every != 60 || len(far.Metrics) != 1 || far.Metrics[0].Now != 50 || far.Metrics[0].Before > 20 || len(far.Logs) != 1 {
			t.Errorf("6 hours: %+v", far)
		}
		near("metrics", far.Since.Metrics, start)
		near("spans", far.Since.Spans, time.Now().Add(-time.Hour))
	})
}
