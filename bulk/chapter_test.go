package bulk

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestADayIsFewSpansAndRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", Total(86400), p.Providers)
		for minute := range 24 * 60 {
			for _, stage := range []string{"read", "parse", "write", "rest"} {
				leave := op.Stage(stage).Enter()
				wait(15 * time.Second)
				leave()
			}
			op.Add(60)
			op.Fail(errors.New(letters(minute)))
			if minute%60 == 0 {
				wait(5 * time.Minute) // a stall
			}
		}
		op.End(nil)
		spans, root := p.spans.Ended(), p.root(t, "op")
		if len(spans) > 300 || len(p.logs.records) > 1000 {
			t.Errorf("%d spans and %d log records, want at most 300 and 1000", len(spans), len(p.logs.records))
		}
		t.Logf("%d spans, %d log records, %d span events", len(spans), len(p.logs.records), len(root.Events()))
		if n := len(root.Events()); n > 128 || root.DroppedEvents() > 0 {
			t.Errorf("%d span events, %d dropped", n, root.DroppedEvents())
		}
		var at []time.Time
		for _, e := range root.Events() {
			if e.Name == keys.EventBulkProgress {
				at = append(at, e.Time)
			}
		}
		for i := 2; i < len(at); i++ {
			if at[i].Sub(at[i-1]) != at[1].Sub(at[0]) {
				t.Errorf("progress events are %s and %s apart", at[1].Sub(at[0]), at[i].Sub(at[i-1]))
			}
		}
	})
}

func TestChaptersAreTracesOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for range 3*60 + 30 {
			op.Add(10)
			wait(time.Minute)
		}
		if n := len(p.ended("bulk.chapter op")); n != 2 {
			t.Errorf("%d chapters were exported after three and a half hours, want 2", n)
		}
		op.End(nil)
		root, chapters := p.root(t, "op"), p.ended("bulk.chapter op")
		if len(chapters) != 3 || len(root.Links()) != 3 {
			t.Fatalf("%d chapters and %d links to them, want 3", len(chapters), len(root.Links()))
		}
		sum := int64(600) // of the first hour
		before := root.SpanContext()
		for i, c := range chapters {
			if c.Parent().IsValid() || c.SpanContext().TraceID() == before.TraceID() {
				t.Errorf("chapter %d is no trace of its own", i+1)
			}
			want := []trace.SpanContext{root.SpanContext()}
			if i > 0 {
				want = append(want, before)
			}
			if len(c.Links()) != len(want) {
				t.Fatalf("chapter %d has %d links, want %d", i+1, len(c.Links()), len(want))
			}
			for j, l := range c.Links() {
				if !l.SpanContext.Equal(want[j]) {
					t.Errorf("link %d of chapter %d leads elsewhere", j, i+1)
				}
			}
			if !root.Links()[i].SpanContext.Equal(c.SpanContext()) {
				t.Errorf("the operation's link %d does not lead to its chapter", i)
			}
			sum += num(t, c.Attributes(), keys.BulkItemsOK)
			before = c.SpanContext()
		}
		if want := num(t, root.Attributes(), keys.BulkItemsOK); sum < want-10 || sum > want+10 {
			t.Errorf("the chapters have %d items, the operation %d", sum, want)
		}
		for _, s := range p.ended(keys.SpanBulkSegment) {
			within := root
			for _, c := range chapters {
				if s.SpanContext().TraceID() == c.SpanContext().TraceID() {
					within = c
				}
			}
			if s.Parent().SpanID() != within.SpanContext().SpanID() || s.StartTime().Before(within.StartTime()) || s.EndTime().After(within.EndTime()) {
				t.Errorf("a segment of %s is not within its chapter", s.StartTime())
			}
		}
	})
}
