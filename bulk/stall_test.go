package bulk

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestStallAndResumptionAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", Total(100), p.Providers)
		for range 20 {
			op.OK()
			wait(time.Second)
		}
		wait(42 * time.Second)
		stalled := p.logs.named(keys.EventBulkStalled)
		if len(stalled) != 1 || !strings.Contains(stalled[0].Body().AsString(), "stalled for 1") {
			t.Fatalf("stalled events = %v, want one after some ten seconds", stalled)
		}
		if got := p.collect(t)["bulk.operation.idle.time{bulk.operation.name=op}"]; got < 42 || got > 44 {
			t.Errorf("bulk.operation.idle.time = %v, want 43", got)
		}
		if n := len(p.logs.named(keys.EventBulkResumed)); n != 0 {
			t.Errorf("%d resumed events in the stall", n)
		}
		op.OK()
		wait(2 * time.Second)
		resumed := p.logs.named(keys.EventBulkResumed)
		if len(resumed) != 1 || attr(attrsOf(resumed[0]), keys.BulkIdleSeconds) < "42" {
			t.Fatalf("resumed events = %v, want one that says for how long", resumed)
		}
		if got := resumed[0].Body().AsString(); got != "op: goes on after 43s without progress: 21 of 100 items (21%)" {
			t.Errorf("says %q", got)
		}
		op.End(nil)
		var events []string
		for _, e := range p.root(t, "op").Events() {
			if e.Name != keys.EventBulkProgress {
				events = append(events, e.Name)
			}
		}
		if len(events) != 2 || events[0] != keys.EventBulkStalled || events[1] != keys.EventBulkResumed {
			t.Errorf("span events beside progress: %v", events)
		}
	})
}

// An operation that often pauses is not called stalled each time.
func TestUsualPausesAreNoStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for range 40 {
			for range 30 {
				op.OK()
				wait(time.Second)
			}
			wait(25 * time.Second) // a flush, say
		}
		op.End(nil)
		if n := len(p.logs.named(keys.EventBulkStalled)); n < 1 || n > 5 {
			t.Errorf("%d stalls told of 40 pauses that are alike, want the first few", n)
		}
	})
}

func TestItemSlowerThanTheWholeJobBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		for i := range Range(t.Context(), "op", upTo(31), Total(31), p.Providers) {
			if i < 30 {
				wait(time.Second)
				continue
			}
			wait(time.Hour)
			if s := Live()[0]; !s.Stalled || s.ETA != Unknown || !strings.Contains(s.String(), "stalled for 59m59s") {
				t.Errorf("in the slow item: %v", s)
			}
		}
		if got := p.ended(keys.SpanBulkItem); len(got) != 1 || took(got[0]) != time.Hour {
			t.Errorf("spans of slow items: %v, want the one of an hour", got)
		}
		if attr(p.root(t, "op").Attributes(), keys.BulkOperationResult) != "completed" {
			t.Error("not completed")
		}
	})
}

func TestTotalTooSmallAndZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, total := range []int64{0, 5} {
			_, op := Start(t.Context(), "op", Total(total))
			for range 60 {
				op.OK()
				wait(time.Second)
			}
			s := op.Snapshot()
			if s.Progress() != 1 || s.ETA != Unknown || s.Stalled || !strings.Contains(s.String(), "60 items where") {
				t.Errorf("total %d: %v at %v", total, s, s.Progress())
			}
			op.End(nil)
		}
	})
}

// A machine that slept did not stall.
func TestSleepOfTheMachineIsNoStall(t *testing.T) {
	e, now, done := run(30, func(int) float64 { return 10 })
	e.pause(8 * time.Hour)
	now = now.Add(8 * time.Hour)
	if c := okay(done); e.stalled(now, c) || e.idle(now, c) != 0 || e.eta(now, c, 1000) != 70*time.Second {
		t.Errorf("after the sleep: stalled %v, idle %s, eta %s", e.stalled(now, c), e.idle(now, c), e.eta(now, c, 1000))
	}
}

// A long stall does not make the next one like it usual.
func TestEachLongStallIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for range 3 {
			for range 60 {
				op.OK()
				wait(time.Second)
			}
			wait(time.Hour)
		}
		op.End(nil)
		if n := len(p.logs.named(keys.EventBulkStalled)); n != 3 {
			t.Errorf("%d stalls of an hour are told, want all 3", n)
		}
	})
}

func TestTurnsOfASpanAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reporter
		for i := range 100 {
			r.change(time.Unix(int64(i), 0), keys.EventBulkStalled)
		}
		if n := len(r.changes); n != maxChanges || n+maxSamples > 128 || r.changes[n-1].at != time.Unix(99, 0) {
			t.Errorf("%d turns, the last at %s", n, r.changes[n-1].at)
		}
	})
}
