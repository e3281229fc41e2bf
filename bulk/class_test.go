package bulk

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestFailuresAreGrouped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, op := Start(t.Context(), "op")
		for i := range 100 {
			op.Fail(fmt.Errorf("row %d has no name", i), attribute.Int("row", i))
			if i%10 == 0 {
				op.Fail(fmt.Errorf("read: %w", io.ErrUnexpectedEOF))
			}
			wait(time.Second)
		}
		op.End(nil)
		got := op.Snapshot().Failures
		if len(got) != 2 || got[0].Kind != "row # has no name" || got[0].Items != 100 || got[1].Items != 10 {
			t.Fatalf("classes = %+v, want one of 100 and one of 10 items", got)
		}
		c := got[0]
		if c.First.Item != "row=0" || c.Last.Item != "row=99" || c.Last.Message != "row 99 has no name" || c.Last.Time.Sub(c.First.Time) != 99*time.Second {
			t.Errorf("first %+v, last %+v", c.First, c.Last)
		}
		if len(c.Samples) != reservoir || c.Samples[0] == c.Samples[1] || c.Samples[0].Item == "row=99" {
			t.Errorf("samples = %+v, want %d others", c.Samples, reservoir)
		}
	})
}

// A class that comes late but often is kept, however many came before it.
func TestFrequentFailuresOustRareOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, op := Start(t.Context(), "op")
		for i := range 100 {
			op.Fail(errors.New("rare " + letters(i)))
		}
		wait(time.Second)
		for range 100 {
			op.Fail(errors.New("disk full"))
		}
		op.End(nil)
		got := op.Snapshot().Failures
		if len(got) != maxKinds || got[0].Kind != "disk full" || got[0].Items-got[0].Inherited != 100 {
			t.Errorf("%d classes, the first %+v; want %d, with 100 of a full disk first", len(got), got[0], maxKinds)
		}
		var sum int64
		for _, c := range got {
			sum += c.Items
		}
		if sum != 200 {
			t.Errorf("the classes have %d items together, want all 200", sum)
		}
	})
}

func TestRetriesAreCountedByType(t *testing.T) {
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	w := op.Worker()
	for range 3 {
		w.Retry(fmt.Errorf("put: %w", &nilError{"busy"}))
	}
	op.Retry(io.ErrUnexpectedEOF)
	op.Retry((*nilError)(nil))
	op.Retry(nil)
	var none *Operation
	none.Retry(io.EOF)
	w.Close()
	check := func(when string) {
		t.Helper()
		m := p.collect(t)
		for typ, want := range map[string]float64{"*bulk.nilError": 4, "*errors.errorString": 1, "_OTHER": 1} {
			if got := m["bulk.item.retries{bulk.operation.name=op,error.type="+typ+"}"]; got != want {
				t.Errorf("%s: %v retries of %s, want %v", when, got, typ, want)
			}
		}
	}
	check("running")
	op.End(nil)
	check("ended")
	s := op.Snapshot()
	if s.Retried != 6 || s.Items() != 0 || s.Retries[0] != (RetryCount{"*bulk.nilError", 4}) {
		t.Errorf("retried %d of %d items: %v", s.Retried, s.Items(), s.Retries)
	}
	if got := num(t, p.root(t, "op").Attributes(), keys.BulkItemsRetried); got != 6 {
		t.Errorf("span says %d retries", got)
	}
}

func TestRetryTypesAreBounded(t *testing.T) {
	var r retries
	for i := range 1000 {
		r.add(letters(i), 1)
	}
	list := r.list()
	if len(list) != maxKinds+1 || list[0] != (RetryCount{other, 1000 - maxKinds}) {
		t.Errorf("%d types, the first %v", len(list), list[0])
	}
}

func TestSlowestItemsHaveSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		for it, i := range Each(t.Context(), "op", upTo(200), p.Providers) {
			switch {
			case i == 60:
				it.Fail(errors.New("no name"))
				wait(7 * time.Second)
			case i == 150:
				it.Bytes(10)
				wait(9 * time.Second)
			case i%20 == 5:
				wait(900 * time.Millisecond)
			default:
				wait(100 * time.Millisecond)
			}
		}
		spans := p.ended(keys.SpanBulkItem)
		if len(spans) < maxSlow || len(spans) > maxSlow+2 {
			t.Fatalf("%d item spans, want %d and those that were among the slowest for a while", len(spans), maxSlow)
		}
		want := map[string]time.Duration{"60": 7 * time.Second, "150": 9 * time.Second}
		for _, s := range spans {
			at := attr(s.Attributes(), keys.BulkItemPosition)
			if d, odd := want[at]; odd && took(s) != d || !odd && took(s) != 900*time.Millisecond {
				t.Errorf("item %s took %s", at, took(s))
			}
			delete(want, at)
		}
		if len(want) > 0 {
			t.Errorf("no spans of the items %v", want)
		}
	})
}

func TestSlowestItemsOfAnEvenLoopAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		for range Range(t.Context(), "op", upTo(100), p.Providers) {
			wait(time.Second)
		}
		if n := len(p.ended(keys.SpanBulkItem)); n != 0 {
			t.Errorf("%d spans of items that took no longer than others", n)
		}
	})
}

func TestSpansOfSlowItemsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		for i := range Range(t.Context(), "op", upTo(5000), p.Providers) {
			wait(10 * time.Millisecond)
			if i%10 == 0 {
				wait(time.Duration(i) * time.Millisecond)
			}
		}
		spans := p.ended(keys.SpanBulkItem)
		if len(spans) > maxItemSpans || len(spans) < maxSlow {
			t.Errorf("%d item spans, want at most %d", len(spans), maxItemSpans)
		}
		if last := attr(spans[len(spans)-1].Attributes(), keys.BulkItemPosition); !strings.HasPrefix(last, "49") {
			t.Errorf("the last span is of item %s, want one of the slowest", last)
		}
	})
}
