package bulk

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestEndResult(t *testing.T) {
	cause := errors.New("shutting down")
	failure := errors.New("disk full")
	tests := map[string]struct {
		err    error
		cancel bool // the operation's context, with cause
		want   Result
	}{
		"no error":                         {nil, false, Completed},
		"no error, canceled meanwhile":     {nil, true, Completed},
		"error":                            {failure, false, Failed},
		"error, canceled meanwhile":        {failure, true, Failed},
		"canceled":                         {fmt.Errorf("row 3: %w", context.Canceled), true, Canceled},
		"canceled further down":            {context.Canceled, false, Canceled},
		"cause of the cancel":              {fmt.Errorf("row 3: %w", cause), true, Canceled},
		"deadline of a call inside":        {context.DeadlineExceeded, false, Failed},
		"error that contains both of them": {errors.Join(failure, context.Canceled), true, Canceled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			_, op := Start(ctx, "op")
			if tt.cancel {
				cancel(cause)
			}
			op.End(&tt.err)
			if got := op.Snapshot().Result; got != tt.want {
				t.Errorf("result = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEndByDeadlineIsCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ctx, op := Start(ctx, "op")
		<-ctx.Done()
		err := ctx.Err()
		op.End(&err)
		if got := op.Snapshot().Result; got != Canceled {
			t.Errorf("result = %q, want canceled", got)
		}
	})
}

func TestOnlyTheFirstEndCounts(t *testing.T) {
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	op.End(nil)
	err := errors.New("late")
	op.End(&err)
	op.OK()
	op.Fail(err)
	if got := op.Snapshot(); got.Result != Completed || got.Items() != 0 {
		t.Errorf("after a second End: %v", got)
	}
	p.root(t, "op")
	if n := len(p.logs.named(keys.EventBulkFinished)); n != 1 {
		t.Errorf("%d finished events, want 1", n)
	}
}

func TestEndPassesOnAPanic(t *testing.T) {
	p := newProbe()
	want := errors.New("boom")
	got := survive(func() {
		var err error
		_, op := Start(t.Context(), "op", p.Providers)
		defer op.End(&err)
		panic(want)
	})
	if got != any(want) {
		t.Errorf("panicked with %v, want %v", got, want)
	}
	root := p.root(t, "op")
	if s := root.Status(); s.Code != codes.Error || s.Description != "panic: boom" {
		t.Errorf("status = %+v", s)
	}
	if got := attr(root.Attributes(), keys.ErrorType); got != "panic" {
		t.Errorf("error.type = %q, want panic", got)
	}
}

func TestNilOperationTakesEveryCall(t *testing.T) {
	op := From(t.Context())
	if op != nil {
		t.Fatalf("From an empty context = %v", op)
	}
	op.OK()
	op.Add(3)
	op.Bytes(3)
	op.Skip("x")
	op.Fail(errors.New("x"))
	op.SetTotal(1)
	op.AddTotal(1)
	op.Stage("s").Enter()()
	w := op.Worker()
	for range 200 {
		w.OK()
		w.Skip("x")
		w.Fail(errors.New("x"))
	}
	w.Close()
	err := errors.New("x")
	op.End(&err)
	if got := op.Snapshot(); got.Total != Unknown || got.Items() != 0 {
		t.Errorf("snapshot = %v", got)
	}
}

func TestFromFindsTheInnermost(t *testing.T) {
	ctx, outer := Start(t.Context(), "outer")
	defer outer.End(nil)
	inside, inner := Start(ctx, "inner")
	defer inner.End(nil)
	if From(ctx) != outer || From(inside) != inner {
		t.Error("From does not return the operation that the context was made for")
	}
}

func TestTotals(t *testing.T) {
	_, op := Start(t.Context(), "op", Total(-7))
	defer op.End(nil)
	steps := []struct {
		do   func()
		want int64
	}{
		{func() {}, Unknown},
		{func() { op.AddTotal(-1) }, Unknown},
		{func() { op.AddTotal(5) }, 5},
		{func() { op.AddTotal(3) }, 8},
		{func() { op.SetTotal(4) }, 4},
		{func() { op.SetTotal(-4) }, Unknown},
		{func() { op.SetTotal(0) }, 0},
	}
	for i, s := range steps {
		s.do()
		if got := op.Snapshot().Total; got != s.want {
			t.Errorf("step %d: total = %d, want %d", i, got, s.want)
		}
	}
}

func TestNegativeNumbersAreIgnored(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	op.Add(-5)
	op.Bytes(-5)
	w := op.Worker()
	w.Bytes(-5)
	w.Close()
	if s := op.Snapshot(); s.counts() != (counts{}) {
		t.Errorf("counts = %+v, want none", s.counts())
	}
}

func TestEmptyNameHasOne(t *testing.T) {
	_, op := Start(t.Context(), "")
	op.End(nil)
	if got := op.Snapshot().Name; got != "unnamed" {
		t.Errorf("name = %q", got)
	}
}

func TestCountsAreExactWithManyGoroutines(t *testing.T) {
	const goroutines, each = 16, 5000
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			w := op.Worker()
			defer w.Close()
			for i := range each {
				switch i % 5 {
				case 0:
					w.Skip([]string{"old", "empty"}[i/5%2])
				case 1:
					w.Fail(fmt.Errorf("row %d of %d", i, g))
				case 2:
					op.OK()
					op.Bytes(3)
				default:
					w.OK()
					w.Bytes(10)
				}
				if i%1000 == 0 {
					_ = op.Snapshot()
					p.collect(t)
				}
			}
		})
	}
	wg.Wait()
	if n := op.Snapshot().Workers; n != 0 {
		t.Errorf("%d workers are open after all were closed", n)
	}
	op.End(nil)
	const fifth = goroutines * each / 5
	want := counts{ok: 3 * fifth, failed: fifth, skipped: fifth, bytes: 23 * fifth}
	if got := op.Snapshot().counts(); got != want {
		t.Errorf("counts = %+v, want %+v", got, want)
	}
	if got := op.Snapshot().Skips; len(got) != 2 || got[0].Items+got[1].Items != fifth {
		t.Errorf("skips = %v, want %d in two reasons", got, fifth)
	}
	metrics := p.collect(t)
	if got := metrics["bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}"]; got != 3*fifth {
		t.Errorf("bulk.items ok = %v, want %d", got, 3*fifth)
	}
}

func TestTelemetryOfOneOperation(t *testing.T) {
	p := newProbe()
	ctx, parent := p.Tracer.Tracer("test").Start(t.Context(), "request")
	_, op := Start(ctx, "import.users", Total(4), p.Providers)

	started := p.ended(keys.SpanBulkStarted)
	if len(started) != 1 {
		t.Fatalf("%d started markers are exported while the operation runs, want 1", len(started))
	}
	if s := started[0]; !s.StartTime().Equal(s.EndTime()) {
		t.Errorf("the marker took %s", s.EndTime().Sub(s.StartTime()))
	}
	op.Add(2)
	op.Skip("duplicate")
	op.Fail(errors.New("no name"))
	err := errors.New("disk full")
	op.End(&err)
	parent.End()

	root := p.root(t, "import.users")
	if root.Parent().SpanID() != parent.SpanContext().SpanID() {
		t.Error("the operation's span is not a child of the caller's")
	}
	if started[0].Parent().SpanID() != root.SpanContext().SpanID() {
		t.Error("the marker is not a child of the operation's span")
	}
	id := op.Snapshot().ID
	for name, want := range map[string]string{
		keys.BulkOperationName: "import.users", keys.BulkOperationID: id, keys.BulkItemsTotal: "4",
		keys.BulkItemsOK: "2", keys.BulkItemsFailed: "1", keys.BulkItemsSkipped: "1",
		keys.BulkOperationResult: "failed", keys.ErrorType: "*errors.errorString",
	} {
		if got := attr(root.Attributes(), name); got != want {
			t.Errorf("span attribute %s = %q, want %q", name, got, want)
		}
	}
	bodies := map[string]string{
		keys.EventBulkStarted:    "import.users started: 4 items to do",
		keys.EventBulkItemFailed: "import.users: item failed: no name",
	}
	for event, want := range bodies {
		recs := p.logs.named(event)
		if len(recs) != 1 || recs[0].Body().AsString() != want {
			t.Fatalf("%s events = %v, want one that says %q", event, recs, want)
		}
		if recs[0].SpanID() != root.SpanContext().SpanID() {
			t.Errorf("%s is not in the operation's span", event)
		}
		if got := attr(attrsOf(recs[0]), keys.BulkOperationID); got != id {
			t.Errorf("%s has id %q, want %q", event, got, id)
		}
	}
	finished := p.logs.named(keys.EventBulkFinished)[0]
	if got := finished.Body().AsString(); !strings.HasPrefix(got, "import.users failed after ") || !strings.HasSuffix(got, "/s: disk full") {
		t.Errorf("finished event says %q", got)
	}
	if got := attr(attrsOf(finished), keys.BulkOperationResult); got != "failed" {
		t.Errorf("result of the finished event = %q", got)
	}
}

func TestTelemetryOutlivesTheContext(t *testing.T) {
	p := newProbe()
	ctx, cancel := context.WithCancel(t.Context())
	_, op := Start(ctx, "op", p.Providers)
	cancel()
	op.Fail(errors.New("no name"))
	op.End(nil)
	p.root(t, "op")
	if n := len(p.logs.records); n != 3 {
		t.Errorf("%d log records, want started, item_failed and finished", n)
	}
	for i, err := range p.logs.errs {
		if err != nil {
			t.Errorf("%s came with a context that is over: %v", p.logs.records[i].EventName(), err)
		}
	}
}

func TestMemoryOfAnOperationIsBounded(t *testing.T) {
	const bound = 64 << 10
	synctest.Test(t, func(t *testing.T) {
		before := heap()
		_, op := Start(t.Context(), "op")
		for second := range 2000 {
			for i := range 10 {
				word := letters(10*second + i)
				op.Fail(fmt.Errorf("%s: %s", strings.Repeat(word, 10), strings.Repeat("x", 2000)), attribute.String("row", strings.Repeat(word, 10)))
				op.Retry(errors.New(word))
				_ = op.Merge(Share{Operation: op.id, Worker: strings.Repeat(word, 20), OK: 1})
				op.Skip(word + strings.Repeat("y", 2000))
				op.Stage(word + strings.Repeat("z", 2000)).Enter()()
			}
			wait(time.Second)
		}
		if grown := heap() - before; grown > bound {
			t.Errorf("an operation with 20000 distinct errors, skip reasons and stages holds %d bytes, want at most %d", grown, bound)
		} else {
			t.Logf("holds %d bytes", grown)
		}
		op.End(nil)
	})
}

// letters spells i without digits.
func letters(i int) string {
	return strings.Map(func(r rune) rune { return 'a' + r - '0' }, fmt.Sprint(i))
}

func heap() int64 {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestLiveListsTheOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a := Start(t.Context(), "b-first")
		wait(time.Millisecond)
		_, b := Start(t.Context(), "a-second")
		live := Live()
		if len(live) != 2 || live[0].Name != "b-first" || live[1].Name != "a-second" {
			t.Errorf("live = %v", live)
		}
		a.End(nil)
		if live := Live(); len(live) != 1 || live[0].Name != "a-second" {
			t.Errorf("live after the first ended = %v", live)
		}
		b.End(nil)
	})
}
