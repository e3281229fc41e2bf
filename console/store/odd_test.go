package store

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// TestOddLimits asks for more than an int holds one more of, and for less than
// nothing.
func TestOddLimits(t *testing.T) {
	r := newRig(t, 0)
	for range 3 {
		ctx, s := r.Span(t.Context(), "GET /")
		r.Log(ctx, log.SeverityInfo, "", "hello")
		s.End()
		_, op := r.Bulk(t.Context(), "bulk import", attribute.String(keys.BulkOperationID, s.SpanContext().SpanID().String()))
		op.End()
	}
	for limit, want := range map[int]int{math.MaxInt: 3, -1: 0, math.MinInt: 0} {
		got := map[string]int{
			"traces":     len(r.Traces(TraceQuery{Text: "get", Limit: limit}).Traces),
			"logs":       len(r.Logs(LogQuery{Limit: limit}).Logs),
			"operations": len(r.Operations(limit).Operations),
		}
		for what, n := range got {
			if n != want {
				t.Errorf("%s, limit %d: %d", what, limit, n)
			}
		}
		most := min(max(limit, 0), 1)
		if n := len(r.Patterns(LogQuery{Limit: limit}).Patterns); n != most {
			t.Errorf("patterns, limit %d: %d", limit, n)
		}
		if n := len(r.SpanStats(SpanStatQuery{Limit: limit}).Names); n != most {
			t.Errorf("names of spans, limit %d: %d", limit, n)
		}
		if n := len(r.Metrics("", limit).Instruments); limit < 0 && n > 0 {
			t.Errorf("metrics, limit %d: %d", limit, n)
		}
		if n := len(r.History(HistoryQuery{Limit: limit}).Series); limit < 0 && n > 0 {
			t.Errorf("history, limit %d: %d", limit, n)
		}
	}
}

// TestTimesBeyondNanoseconds asks for times that an int64 of nanoseconds since 1970
// cannot hold.
func TestTimesBeyondNanoseconds(t *testing.T) {
	r := newRig(t, 0)
	ctx, s := r.Span(t.Context(), "GET /")
	r.Log(ctx, log.SeverityInfo, "", "hello")
	s.End()
	long, far := time.Date(1, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		since, until time.Time
		want         int
	}{{long, far, 1}, {long, time.Time{}, 1}, {time.Time{}, far, 1}, {far, time.Time{}, 0}, {time.Time{}, long, 0}} {
		traces, logs := r.Traces(TraceQuery{Since: tc.since, Until: tc.until}).Total, len(r.Logs(LogQuery{Since: tc.since, Until: tc.until}).Logs)
		if traces != tc.want || logs != tc.want {
			t.Errorf("from %v to %v: %d traces, %d logs", tc.since, tc.until, traces, logs)
		}
	}
}

// TestOddTelemetry is what no sound program sends.
func TestOddTelemetry(t *testing.T) {
	r := newRig(t, 0)
	long, far := time.Date(1, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for _, at := range [][2]time.Time{{long, far}, {far, long}, {time.Unix(0, 0), time.Unix(0, 0)}, {time.Now(), time.Now().Add(-time.Hour)}} {
		_, s := r.Span(t.Context(), "", trace.WithTimestamp(at[0]))
		s.AddEvent("", trace.WithTimestamp(at[1]))
		s.End(trace.WithTimestamp(at[1]))
		var rec log.Record
		rec.SetTimestamp(at[0])
		rec.SetSeverity(log.Severity(at[0].Nanosecond()) - 1000)
		r.LP.Logger("").Emit(t.Context(), rec)
		if _, ok := r.Trace(s.SpanContext().TraceID()); !ok {
			t.Errorf("%v: no trace", at)
		}
	}
	r.SpanStats(SpanStatQuery{})
	r.Patterns(LogQuery{})
	if n := len(r.Logs(LogQuery{}).Logs); n != 4 {
		t.Errorf("%d logs", n)
	}
	if n := r.Traces(TraceQuery{}).Total; n != 4 {
		t.Errorf("%d traces", n)
	}
}

// TestColouredSecrets is text of loggers that write for terminals: sequences stand
// between a name and its value.
func TestColouredSecrets(t *testing.T) {
	const secret = "hunter2hunter2"
	r := newRig(t, 0)
	for _, text := range []string{
		"\x1b[36mpassword\x1b[0m=" + secret, "\x1b[36mpassword=\x1b[0m" + secret, "\x1b[33msecret\x1b[0m = " + secret,
		"pass\u200bword=" + secret, "\x1b[36mapi_key\x1b[0m: \x1b[32m" + secret + "\x1b[0m",
	} {
		for _, text := range []string{text, strings.Repeat("x", maxValue-12) + " " + text, strings.Repeat("x", maxFact-12) + " " + text} {
			ctx, s := r.Span(t.Context(), "GET /", trace.WithAttributes(attribute.String("output", text), attribute.StringSlice("lines", []string{text})))
			r.Log(ctx, log.SeverityInfo, "", text, attribute.String("output", text))
			s.End()
			r.Change(t, "db", StateHealthy, StateUnhealthy, text)
			got, _ := r.Trace(s.SpanContext().TraceID())
			shown := got.Spans[0].Attributes.String() + "\n" + got.Logs[0].Body + "\n" + got.Logs[0].Attributes.String() + "\n" + r.Health().Checks[0].Message
			if i := strings.Index(shown, "hunter"); i >= 0 {
				t.Errorf("%q shows %q", text[max(0, len(text)-60):], shown[max(0, i-40):min(len(shown), i+40)])
			}
		}
	}
}

// TestTheFutureHidesNothing loses a span and a record that claim to be of later:
// answers are complete since then, not since later.
func TestTheFutureHidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, leastBytes)
		future := time.Now().Add(1000 * time.Hour)
		_, s := r.Span(t.Context(), "GET /")
		s.End(trace.WithTimestamp(future))
		var rec log.Record
		rec.SetTimestamp(future)
		r.LP.Logger("").Emit(t.Context(), rec)
		for range 20_000 {
			_, s := r.Span(t.Context(), "GET /")
			s.End()
			r.Log(t.Context(), log.SeverityInfo, "", "GET / of a page that nobody has asked for")
		}
		now := time.Now()
		if a, b := r.Traces(TraceQuery{}).Since, r.Logs(LogQuery{}).Since; a.After(now) || b.After(now) {
			t.Errorf("at %v, traces since %v, logs since %v", now, a, b)
		}
		seen := 0
		r.EachSpan(time.Time{}, func(*SpanHead) { seen++ })
		if seen < 1000 {
			t.Errorf("%d spans are seen", seen)
		}
	})
}

func TestTextThatIsNotSeenIsTakenOut(t *testing.T) {
	hidden := "\u034f\u115f\u2065\u3164\ufe0f\uffa0\U000E0041\U000E0100\U000E01EF"
	if got := Clean("a" + hidden + "b❤" + hidden); got != "ab❤" {
		t.Errorf("%q", got)
	}
}
