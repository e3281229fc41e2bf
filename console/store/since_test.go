package store

import (
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"
)

// What is asked for may be older than what is kept: each answer says since when
// it is complete.
func TestAnswersTellSinceWhenTheyAreComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, leastBytes)
		pass(time.Minute)
		_, s := r.Span(t.Context(), "first")
		s.End()
		_, f := r.Span(t.Context(), "failed")
		f.SetStatus(codes.Error, "no")
		f.End()
		r.Log(t.Context(), log.SeverityWarn, "", "first")
		whole := func(when string) {
			t.Helper()
			if a, b := r.Traces(TraceQuery{Errors: true}).Since, r.Logs(LogQuery{Level: "warn"}).Since; !a.Equal(start) || !b.Equal(start) {
				t.Errorf("%s, failed traces since %s, warnings since %s, want the start %s", when, a, b, start)
			}
		}
		whole("with nothing lost")
		if a, b := r.Traces(TraceQuery{}).Since, r.Patterns(LogQuery{}).Since; !a.Equal(start) || !b.Equal(start) {
			t.Errorf("traces since %s, patterns since %s", a, b)
		}
		pass(time.Minute)
		for range 20_000 {
			_, s := r.Span(t.Context(), "GET /")
			s.End()
			r.Log(t.Context(), log.SeverityInfo, "", "GET / of a page that nobody has asked for")
		}
		whole("after a flood of others")
		now := time.Now()
		if got := r.Traces(TraceQuery{}); !got.Since.Equal(now) {
			t.Errorf("traces since %s, want %s", got.Since, now)
		}
		if got := r.Logs(LogQuery{}); !got.Since.Equal(now) {
			t.Errorf("logs since %s, want %s", got.Since, now)
		}
		if got, ok := r.Trace(trace.TraceID{1}); ok || !got.Since.Equal(now) {
			t.Errorf("a trace that is not there: %v, since %s, want %s", ok, got.Since, now)
		}
	})
}

func TestTracesOfAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		start := time.Now()
		for range 5 {
			_, s := r.Span(t.Context(), "GET /")
			pass(time.Second)
			s.End()
		}
		for _, tc := range []struct {
			q    TraceQuery
			want int
		}{
			{TraceQuery{Since: start.Add(3 * time.Second)}, 3}, // one ended at that moment
			{TraceQuery{Until: start.Add(2 * time.Second)}, 2},
			{TraceQuery{Since: start.Add(6 * time.Second)}, 0},
		} {
			if got := r.Traces(tc.q); got.Total != tc.want {
				t.Errorf("%+v: %d, want %d", tc.q, got.Total, tc.want)
			}
		}
	})
}
