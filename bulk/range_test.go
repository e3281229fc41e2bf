package bulk

import (
	"context"
	"errors"
	"iter"
	"maps"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// fallible yields n numbers, those in bad with an error.
func fallible(n int, bad ...int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			var err error
			if slices.Contains(bad, i) {
				err = errors.New("bad row")
			}
			if !yield(i, err) {
				return
			}
		}
	}
}

// survive runs f on a goroutine of its own, and returns what it panicked with.
func survive(f func()) (panicked any) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		f()
	}()
	<-done
	return panicked
}

func TestEndOfALoopDecidesTheResult(t *testing.T) {
	type loop func(ctx context.Context, cancel func(), p Option)
	tests := map[string]struct {
		loop   loop
		result Result
		counts counts
		panics any
	}{
		"exhausted": {result: Completed, counts: counts{ok: 5}, loop: func(ctx context.Context, _ func(), p Option) {
			for range Range(ctx, "op", upTo(5), p) {
			}
		}},
		"empty": {result: Completed, loop: func(ctx context.Context, _ func(), p Option) {
			for range Range(ctx, "op", upTo(0), p) {
			}
		}},
		"break": {result: Completed, counts: counts{ok: 3}, loop: func(ctx context.Context, _ func(), p Option) {
			for i := range Range(ctx, "op", upTo(5), p, Total(5)) {
				if i == 3 {
					break
				}
			}
		}},
		"cancel and break": {result: Canceled, counts: counts{ok: 3}, loop: func(ctx context.Context, cancel func(), p Option) {
			for i := range Range(ctx, "op", upTo(5), p, Total(5)) {
				if i == 3 {
					cancel()
					break
				}
			}
		}},
		"cancel and exhausted": {result: Canceled, counts: counts{ok: 5}, loop: func(ctx context.Context, cancel func(), p Option) {
			for range Range(ctx, "op", upTo(5), p) {
				cancel()
			}
		}},
		"cancel but all done": {result: Completed, counts: counts{ok: 5}, loop: func(ctx context.Context, cancel func(), p Option) {
			for range Range(ctx, "op", upTo(5), p, Total(5)) {
				cancel()
			}
		}},
		"panic in the body": {result: Failed, counts: counts{ok: 2}, panics: "boom", loop: func(ctx context.Context, _ func(), p Option) {
			for i := range Range(ctx, "op", upTo(5), p) {
				if i == 2 {
					panic("boom")
				}
			}
		}},
		"panic in the source": {result: Failed, counts: counts{ok: 1}, panics: "source", loop: func(ctx context.Context, _ func(), p Option) {
			for range Range(ctx, "op", func(yield func(int) bool) { yield(1); panic("source") }, p) {
			}
		}},
		"goexit": {result: Failed, counts: counts{ok: 2}, loop: func(ctx context.Context, _ func(), p Option) {
			for i := range Range(ctx, "op", upTo(5), p) {
				if i == 2 {
					runtime.Goexit()
				}
			}
		}},
		"panic in a slice": {result: Failed, counts: counts{ok: 1}, panics: "boom", loop: func(ctx context.Context, _ func(), p Option) {
			for i := range Slice(ctx, "op", []int{0, 1, 2}, p) {
				if i == 1 {
					panic("boom")
				}
			}
		}},
		"slice": {result: Completed, counts: counts{ok: 3}, loop: func(ctx context.Context, _ func(), p Option) {
			for range Slice(ctx, "op", []int{0, 1, 2}, p) {
			}
		}},
		"error pairs": {result: Completed, counts: counts{ok: 3, failed: 2}, loop: func(ctx context.Context, _ func(), p Option) {
			for _, err := range Range2(ctx, "op", fallible(5, 1, 4), p) {
				_ = err
			}
		}},
		"left at an error pair": {result: Failed, counts: counts{ok: 1, failed: 1}, loop: func(ctx context.Context, _ func(), p Option) {
			for _, err := range Range2(ctx, "op", fallible(5, 1, 4), p) {
				if err != nil {
					return
				}
			}
		}},
		"pairs without errors": {result: Completed, counts: counts{ok: 2}, loop: func(ctx context.Context, _ func(), p Option) {
			for range Range2(ctx, "op", maps.All(map[string]int{"a": 1, "b": 2}), p) {
			}
		}},
		"each": {result: Completed, counts: counts{ok: 2, failed: 1, skipped: 2, bytes: 14}, loop: func(ctx context.Context, _ func(), p Option) {
			for item, i := range Each(ctx, "op", upTo(5), p) {
				switch i {
				case 1:
					item.Fail(errors.New("no"))
					item.Skip("counted already")
				case 2, 3:
					item.Skip("old")
					item.Skip("old")
				default:
					item.Bytes(7)
				}
			}
		}},
		"left at a failed item": {result: Failed, counts: counts{ok: 1, failed: 1}, loop: func(ctx context.Context, _ func(), p Option) {
			for item, i := range Each(ctx, "op", upTo(5), p) {
				if i == 1 {
					item.Fail(nil)
					break
				}
			}
		}},
		"left after a failed item": {result: Completed, counts: counts{ok: 1, failed: 1}, loop: func(ctx context.Context, _ func(), p Option) {
			for item, i := range Each(ctx, "op", upTo(5), p) {
				if i == 1 {
					item.Fail(errors.New("no"))
				}
				if i == 2 {
					break
				}
			}
		}},
		"ended in the body": {result: Failed, counts: counts{ok: 2}, loop: func(ctx context.Context, _ func(), p Option) {
			for item, i := range Each(ctx, "op", upTo(5), p) {
				if err := errors.New("enough"); i == 2 {
					item.Operation().End(&err)
				}
			}
		}},
		"closed channel": {result: Completed, counts: counts{ok: 2}, loop: func(ctx context.Context, _ func(), p Option) {
			ch := make(chan int, 2)
			ch <- 1
			ch <- 2
			close(ch)
			for range Chan(ctx, "op", ch, p) {
			}
		}},
		"cancel while waiting for a channel": {result: Canceled, counts: counts{ok: 1}, loop: func(ctx context.Context, cancel func(), p Option) {
			ch := make(chan int, 1)
			ch <- 1
			for range Chan(ctx, "op", ch, p) {
				cancel()
			}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProbe()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if got := survive(func() { tt.loop(ctx, cancel, p.Providers) }); got != tt.panics {
				t.Errorf("panicked with %v, want %v", got, tt.panics)
			}
			root := p.root(t, "op")
			if got := attr(root.Attributes(), keys.BulkOperationResult); got != string(tt.result) {
				t.Errorf("result = %q, want %q", got, tt.result)
			}
			got := counts{
				ok: num(t, root.Attributes(), keys.BulkItemsOK), failed: num(t, root.Attributes(), keys.BulkItemsFailed),
				skipped: num(t, root.Attributes(), keys.BulkItemsSkipped), bytes: num(t, root.Attributes(), keys.BulkBytes),
			}
			if got != tt.counts {
				t.Errorf("counts = %+v, want %+v", got, tt.counts)
			}
			if wantError := tt.result != Completed; wantError != (root.Status().Code == codes.Error) {
				t.Errorf("status = %+v with result %s", root.Status(), tt.result)
			}
			if n := len(Live()); n != 0 {
				t.Errorf("%d operations are still live", n)
			}
		})
	}
}

func TestPanicValueIsUnchanged(t *testing.T) {
	want := &struct{ int }{7}
	got := survive(func() {
		for range Range(t.Context(), "op", upTo(3)) {
			panic(want)
		}
	})
	if got != any(want) {
		t.Errorf("panicked with %v, want the very value %v", got, want)
	}
}

func TestRangeAgainIsAnotherOperation(t *testing.T) {
	p := newProbe()
	seq := Range(t.Context(), "op", upTo(3), p.Providers)
	if n := len(p.spans.Started()); n != 0 {
		t.Fatalf("%d spans before the loop began", n)
	}
	for range seq {
	}
	for range seq {
	}
	ids := make(map[string]bool)
	for _, s := range p.ended("bulk op") {
		ids[attr(s.Attributes(), keys.BulkOperationID)] = true
	}
	if len(ids) != 2 {
		t.Errorf("%d ids after two loops, want 2", len(ids))
	}
}

func TestSliceKnowsItsTotal(t *testing.T) {
	for range Slice(t.Context(), "op", make([]int, 7)) {
		if got := Live()[0].Total; got != 7 {
			t.Fatalf("total = %d, want 7", got)
		}
	}
	for range Slice(t.Context(), "op", make([]int, 7), Total(9)) {
		if got := Live()[0].Total; got != 9 {
			t.Fatalf("total = %d, want that of the option, 9", got)
		}
	}
}

func TestEachReachesTheOperation(t *testing.T) {
	p := newProbe()
	tracer := p.Tracer.Tracer("test")
	for item := range Each(t.Context(), "op", upTo(1), p.Providers) {
		if From(item.Context()) != item.Operation() {
			t.Error("the item's context carries another operation")
		}
		_, span := tracer.Start(item.Context(), "inner")
		span.End()
		item.Fail(errors.New("no such user"), attribute.Int64("user.id", 17))
	}
	if got, want := p.ended("inner")[0].Parent().SpanID(), p.root(t, "op").SpanContext().SpanID(); got != want {
		t.Errorf("parent of the item's span = %s, want %s", got, want)
	}
	failed := p.logs.named(keys.EventBulkItemFailed)
	if len(failed) != 1 || attr(attrsOf(failed[0]), "user.id") != "17" {
		t.Errorf("item_failed events = %v, want one with user.id", failed)
	}
}

func TestChanWaitsForItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int)
		go func() {
			defer close(ch)
			for i := range 3 {
				ch <- i
			}
		}()
		var got []int
		for v := range Chan(t.Context(), "op", ch) {
			got = append(got, v)
		}
		if !slices.Equal(got, []int{0, 1, 2}) {
			t.Errorf("received %v", got)
		}
	})
}

func TestPulledRangeEndsWithItsStop(t *testing.T) {
	p := newProbe()
	next, stop := iter.Pull(Range(t.Context(), "op", upTo(5), p.Providers))
	next()
	next()
	stop()
	if got := num(t, p.root(t, "op").Attributes(), keys.BulkItemsOK); got != 1 {
		t.Errorf("ok = %d, want 1: the second item was left", got)
	}
}
