package bulk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// wait lets virtual time pass, and then everybody come to rest.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestSegmentsAreExportedWhileTheOperationRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		defer op.End(nil)
		for range 10 {
			wait(time.Second)
			op.OK()
		}
		wait(time.Millisecond)
		segments := p.ended(keys.SpanBulkSegment)
		if len(segments) != 1 {
			t.Fatalf("%d segments after ten seconds, want 1", len(segments))
		}
		if got := num(t, segments[0].Attributes(), keys.BulkItemsOK); got < 9 || got > 10 {
			t.Errorf("ok in the first segment = %d, want 9 or 10", got)
		}
		if got := segments[0].EndTime().Sub(segments[0].StartTime()); got != 10*time.Second {
			t.Errorf("the first segment took %s, want 10s", got)
		}
	})
}

func TestTenHoursStayBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", Total(360_000), p.Providers)
		for range 36_000 {
			op.Add(10)
			wait(time.Second)
		}
		op.End(nil)

		root := p.root(t, "op")
		if n := len(p.spans.Ended()); n > 100 {
			t.Errorf("%d spans, want at most 100", n)
		}
		if n := len(p.logs.records); n > 700 {
			t.Errorf("%d log records, want at most 700", n)
		}
		checkSpread(t, root.StartTime(), root.EndTime(), eventTimes(t, p))
		checkSegments(t, p)
	})
}

func eventTimes(t *testing.T, p *probe) []time.Time {
	t.Helper()
	var times []time.Time
	for _, e := range p.root(t, "op").Events() {
		if e.Name != keys.EventBulkProgress {
			t.Errorf("span event %q", e.Name)
		}
		times = append(times, e.Time)
	}
	if d := p.root(t, "op").DroppedEvents(); d != 0 {
		t.Errorf("the SDK dropped %d span events", d)
	}
	return times
}

// checkSpread wants events over the whole life, evenly.
func checkSpread(t *testing.T, start, end time.Time, events []time.Time) {
	t.Helper()
	if n := len(events); n < maxSamples/2 || n > maxSamples {
		t.Fatalf("%d span events, want %d to %d", n, maxSamples/2, maxSamples)
	}
	gap := events[1].Sub(events[0])
	for i := 1; i < len(events); i++ {
		if got := events[i].Sub(events[i-1]); got != gap {
			t.Fatalf("events %d and %d are %s apart, the first two %s", i-1, i, got, gap)
		}
	}
	if d := events[0].Sub(start); d > gap {
		t.Errorf("the first event comes after %s, the others every %s", d, gap)
	}
	if d := end.Sub(events[len(events)-1]); d > gap {
		t.Errorf("the last event comes %s before the end, the others every %s", d, gap)
	}
}

// checkSegments wants segments that join without gap, none longer than allowed,
// whose counts add up to those of the operation.
func checkSegments(t *testing.T, p *probe) {
	t.Helper()
	root := p.root(t, "op")
	at, sum := root.StartTime(), int64(0)
	for i, s := range p.ended(keys.SpanBulkSegment) {
		if s.StartTime().Sub(root.StartTime()) < chapterTime && s.Parent().SpanID() != root.SpanContext().SpanID() {
			t.Fatalf("segment %d is not a child of the operation", i)
		}
		if got := num(t, s.Attributes(), keys.BulkSegmentIndex); got != int64(i) {
			t.Errorf("segment %d has index %d", i, got)
		}
		if !s.StartTime().Equal(at) {
			t.Errorf("segment %d starts %s after the one before", i, s.StartTime().Sub(at))
		}
		if d := s.EndTime().Sub(s.StartTime()); d > maxSegment {
			t.Errorf("segment %d takes %s", i, d)
		}
		at = s.EndTime()
		sum += num(t, s.Attributes(), keys.BulkItemsOK)
	}
	if !at.Equal(root.EndTime()) {
		t.Errorf("the last segment ends %s before the operation", root.EndTime().Sub(at))
	}
	if want := num(t, root.Attributes(), keys.BulkItemsOK); sum != want {
		t.Errorf("the segments have %d items, the operation %d", sum, want)
	}
}

func TestProgressEventsThinOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		start := time.Now()
		_, op := Start(t.Context(), "op", p.Providers)
		wait(20*time.Minute + time.Millisecond)
		op.End(nil)
		var seconds []int
		for _, r := range p.logs.named(keys.EventBulkProgress) {
			seconds = append(seconds, int(r.Timestamp().Sub(start).Seconds()))
		}
		first := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25}
		if !slices.Equal(seconds[:len(first)], first) {
			t.Errorf("first progress events at %v, want %v", seconds[:len(first)], first)
		}
		if last := seconds[len(seconds)-1] - seconds[len(seconds)-2]; last < 11 || last > 13 {
			t.Errorf("after 20 minutes, progress events are %d s apart, want a hundredth of that", last)
		}
	})
}

func TestProgressSaysHowItIsGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", Total(100), p.Providers)
		defer op.End(nil)
		for range 20 {
			op.OK()
			wait(time.Second)
		}
		recs := p.logs.named(keys.EventBulkProgress)
		last := recs[len(recs)-1]
		const want = "op: 20 of 100 items (20%), 1/s, about 1m20s left"
		if got := last.Body().AsString(); got != want {
			t.Errorf("progress says %q, want %q", got, want)
		}
		if got := attr(attrsOf(last), keys.BulkETASeconds); got != "80" {
			t.Errorf("eta = %s, want 80", got)
		}
	})
}

func TestSlowItemsAreSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i := range Range(t.Context(), "op", upTo(20)) {
			if got := Live()[0].OK; got != int64(i) {
				t.Fatalf("after %d items of ten seconds each, %d are seen", i, got)
			}
			wait(10 * time.Second)
		}
	})
}

// A loop that was quick and turns slow may hide what it did since its last
// publication, but only until the first slow item is done.
func TestQuickLoopThatTurnsSlowIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const quick = 1000
		for i := range Range(t.Context(), "op", upTo(quick+20)) {
			if i < quick {
				continue
			}
			seen := Live()[0].OK
			if i == quick && (seen == quick || seen <= quick-stride) {
				t.Fatalf("%d of %d quick items are seen, want a few, but fewer than %d, missing", seen, quick, stride)
			}
			if i > quick && seen != int64(i) {
				t.Fatalf("after %d items, %d are seen", i, seen)
			}
			wait(10 * time.Second)
		}
	})
}

func TestShortOperationHasNoSegments(t *testing.T) {
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	op.End(nil)
	if n := len(p.spans.Ended()); n != 2 {
		t.Errorf("%d spans, want the marker and the operation", n)
	}
}

func TestStallIsToldInsteadOfAnETA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, op := Start(t.Context(), "op", Total(100))
		defer op.End(nil)
		for range 20 {
			op.OK()
			wait(time.Second)
		}
		wait(42 * time.Second)
		s := op.Snapshot()
		if !s.Stalled || s.ETA != Unknown || s.Rate != 0 {
			t.Errorf("stalled %v, ETA %v, rate %v after 42 idle seconds", s.Stalled, s.ETA, s.Rate)
		}
		if got := s.String(); !strings.Contains(got, "stalled for 42s") && !strings.Contains(got, "stalled for 43s") {
			t.Errorf("snapshot says %q", got)
		}
		op.OK()
		wait(time.Second)
		if s := op.Snapshot(); s.Stalled || s.ETA == Unknown {
			t.Errorf("still stalled after another item: %v", s)
		}
	})
}

// stuck is a log processor that does not come back until it is released.
type stuck struct {
	logRecorder
	release chan struct{}
}

func (s *stuck) OnEmit(_ context.Context, rec *sdklog.Record) error {
	if rec.EventName() == keys.EventBulkProgress {
		<-s.release
	}
	return nil
}

func TestEndWaitsForTheReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &stuck{release: make(chan struct{})}
		_, op := Start(t.Context(), "op", Providers{Logger: sdklog.NewLoggerProvider(sdklog.WithProcessor(logs))})
		wait(time.Second)
		ended := false
		go func() {
			op.End(nil)
			ended = true
		}()
		synctest.Wait()
		if ended {
			t.Error("End returned while its reporter was still at work")
		}
		close(logs.release)
		synctest.Wait()
		if !ended {
			t.Error("End did not return after its reporter had")
		}
	})
}

func TestReporterDoesNotCatchUpAfterASleep(t *testing.T) {
	due := time.Unix(100, 0)
	for _, tt := range []struct{ late, want time.Duration }{
		{0, time.Second},
		{900 * time.Millisecond, time.Second},
		{time.Hour, time.Hour + time.Second},
	} {
		if got := after(due.Add(tt.late), due, time.Second).Sub(due); got != tt.want {
			t.Errorf("%s late: next beat after %s, want %s", tt.late, got, tt.want)
		}
	}
}

func ExampleSnapshot_String() {
	s := Snapshot{
		Name: "import.users", Total: 1000, OK: 420, Failed: 3, Skipped: 2, Bytes: 5 << 20,
		Rate: 12.5, ETA: 46 * time.Second, Skips: []SkipCount{{"duplicate", 2}},
	}
	fmt.Println(s)
	// Output: import.users: 425 of 1000 items (42%), 3 failed, 2 skipped (duplicate 2), 5.0 MiB, 12.5/s, about 46s left
}
