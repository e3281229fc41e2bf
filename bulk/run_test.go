package bulk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// sink counts how often each number was processed.
type sink struct {
	mu    sync.Mutex
	times map[int]int
	sizes []int
	now   int
	most  int
}

func (s *sink) take(batch []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == nil {
		s.times = make(map[int]int)
	}
	for _, v := range batch {
		s.times[v]++
	}
	s.sizes = append(s.sizes, len(batch))
}

func (s *sink) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	s.most = max(s.most, s.now)
}

func (s *sink) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
}

// exactly fails unless all numbers below n were processed that often.
func (s *sink) exactly(t *testing.T, n, times int) {
	t.Helper()
	for i := range n {
		if s.times[i] != times {
			t.Fatalf("item %d was processed %d times, want %d", i, s.times[i], times)
		}
	}
	if len(s.times) != n {
		t.Fatalf("%d different items were processed, want %d", len(s.times), n)
	}
}

func TestRunProcessesEveryItemOnce(t *testing.T) {
	for _, opts := range [][]Option{
		{},
		{Workers(1)},
		{Workers(7), Batch(10)},
		{Workers(Auto(1, 16)), Batch(Auto(1, 100))},
		{Workers(3), Batch(50), MaxBytes(100, func(v int) int { return v % 90 })},
		{Workers(9), Batch(4), Key(func(v int) string { return fmt.Sprint(v % 5) })},
	} {
		synctest.Test(t, func(t *testing.T) {
			var s sink
			rep, err := Run(t.Context(), "op", numbers(1003), func(_ context.Context, batch []int) error {
				s.enter()
				defer s.leave()
				time.Sleep(time.Millisecond) //nolint:forbidigo // virtual time
				s.take(batch)
				return nil
			}, opts...)
			if err != nil {
				t.Fatal(err)
			}
			s.exactly(t, 1003, 1)
			if rep.OK != 1003 || rep.Result != Completed || rep.Done != 1003 || rep.Workers != 0 {
				t.Errorf("report = %+v", rep)
			}
		})
	}
}

func TestRunKeepsToItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		_, err := Run(t.Context(), "op", numbers(1000), func(_ context.Context, batch []int) error {
			s.enter()
			defer s.leave()
			time.Sleep(time.Millisecond) //nolint:forbidigo // virtual time
			s.take(batch)
			return nil
		}, Workers(4), Batch(30))
		if err != nil {
			t.Fatal(err)
		}
		if s.most != 4 {
			t.Errorf("%d workers at once, want 4", s.most)
		}
		if len(s.sizes) != 34 || slices.Max(s.sizes) != 30 {
			t.Errorf("%d batches of at most %d items, want 34 of at most 30", len(s.sizes), slices.Max(s.sizes))
		}
	})
}

func TestBatchesAreLimitedByBytes(t *testing.T) {
	var s sink
	sizes := []int{40, 40, 40, 500, 10, 90, 1}
	rep, err := Run(t.Context(), "op", slices.Values(sizes), func(_ context.Context, batch []int) error {
		s.take(batch)
		return nil
	}, Workers(1), Batch(100), MaxBytes(100, func(v int) int { return v }))
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{2, 1, 1, 2, 1}; !slices.Equal(s.sizes, want) {
		t.Errorf("batches of %v items, want %v", s.sizes, want)
	}
	if rep.Bytes != 721 {
		t.Errorf("%d bytes, want 721", rep.Bytes)
	}
}

func TestBatchesDoNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var at []time.Duration
		slow := func(yield func(int) bool) {
			for i := range 4 {
				time.Sleep(40 * time.Millisecond) //nolint:forbidigo // virtual time
				if !yield(i) {
					return
				}
			}
			time.Sleep(time.Hour) //nolint:forbidigo // virtual time
		}
		_, err := Run(t.Context(), "op", slow, func(_ context.Context, batch []int) error {
			at = append(at, time.Since(begun))
			return nil
		}, Workers(1), Batch(100), MaxAge(100*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		if want := []time.Duration{140 * time.Millisecond, 260 * time.Millisecond}; !slices.Equal(at, want) {
			t.Errorf("batches at %v, want %v", at, want)
		}
	})
}

func TestKeysKeepTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		last := map[int]int{}
		tries := map[int]int{}
		_, err := Run(t.Context(), "op", numbers(600), One(func(_ context.Context, v int) error {
			time.Sleep(time.Duration(1+v*7%13) * time.Millisecond) //nolint:forbidigo // virtual time
			mu.Lock()
			defer mu.Unlock()
			if tries[v]++; v%11 == 0 && tries[v] < 3 {
				return errors.New("not yet")
			}
			if before, ok := last[v%7]; ok && v != before+7 {
				t.Errorf("item %d came after %d", v, before)
			}
			last[v%7] = v
			return nil
		}), Workers(16), Batch(3), Retry(5), Key(func(v int) string { return fmt.Sprint(v % 7) }))
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestOnlyWhatFailedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		p := newProbe()
		rep, err := Run(t.Context(), "op", numbers(100), func(_ context.Context, batch []int) error {
			s.take(batch)
			var failed ItemErrors
			for i, v := range batch {
				if v%10 == 3 && s.times[v] < 3 {
					failed = append(failed, ItemError{i, errors.New("conflict")})
				}
			}
			return failed // empty at times, and then no error
		}, Workers(1), Batch(20), Retry(2), p.Providers)
		if err != nil {
			t.Fatal(err)
		}
		for v, n := range s.times {
			if want := 1 + 2*len(slices.Collect(func(yield func(bool) bool) { _ = v%10 != 3 || yield(true) })); n != want {
				t.Errorf("item %d was processed %d times, want %d", v, n, want)
			}
		}
		if rep.OK != 100 || rep.Failed != 0 {
			t.Errorf("report = %v", rep)
		}
		if got := p.collect(t)["bulk.item.retries{bulk.operation.name=op,error.type=*errors.errorString}"]; got != 20 {
			t.Errorf("%v retries, want 20", got)
		}
	})
}

func TestABadItemDoesNotFailItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rep, err := Run(t.Context(), "op", numbers(64), func(_ context.Context, batch []int) error {
			if slices.Contains(batch, 17) {
				return errors.New("syntax error")
			}
			return nil
		}, Workers(2), Batch(64), Retry(6), ErrorBudget(0.1), Total(64))
		if err != nil || rep.OK != 63 || rep.Failed != 1 {
			t.Errorf("%v, error %v; want 63 ok and 1 failed", rep, err)
		}
	})
}

func TestTheErrorBudget(t *testing.T) {
	bad := errors.New("bad")
	everyTenth := One(func(_ context.Context, v int) error {
		if v%10 == 5 {
			return bad
		}
		return nil
	})
	for name, tt := range map[string]struct {
		opts  []Option
		items int64 // seen at the end
		stops bool
	}{
		"none":               {nil, 6, true},
		"all":                {[]Option{ErrorBudget(1)}, 5000, false},
		"enough":             {[]Option{ErrorBudget(0.11)}, 5000, false},
		"too little":         {[]Option{ErrorBudget(0.09)}, 906, true},
		"by the total":       {[]Option{ErrorBudget(0.01), Total(5000)}, 506, true},
		"by the small total": {[]Option{ErrorBudget(0.01), Total(100)}, 16, true},
	} {
		t.Run(name, func(t *testing.T) {
			rep, err := Run(t.Context(), "op", numbers(5000), everyTenth, append(tt.opts, Workers(1))...)
			if stopped := errors.Is(err, ErrBudget) && errors.Is(err, bad); stopped != tt.stops {
				t.Errorf("error = %v", err)
			}
			if rep.Items() != tt.items {
				t.Errorf("%d items were seen, want %d", rep.Items(), tt.items)
			}
		})
	}
}

func TestPanicsFailTheirItems(t *testing.T) {
	p := newProbe()
	rep, err := Run(t.Context(), "op", numbers(30), func(_ context.Context, batch []int) error {
		switch batch[0] {
		case 7:
			panic("boom")
		case 8:
			runtime.Goexit()
		case 9:
			var nobody *sink
			nobody.sizes = nil
		}
		return nil
	}, Workers(2), ErrorBudget(0.5), p.Providers)
	if err != nil || rep.OK != 27 || rep.Failed != 3 {
		t.Errorf("%v, error %v; want 27 ok and 3 failed", rep, err)
	}
	var panics int
	for _, rec := range p.logs.named(keys.EventBulkItemFailed) {
		if attr(attrsOf(rec), keys.ErrorType) == "panic" {
			panics++
			if at := num(t, attrsOf(rec), keys.BulkItemPosition); at != 7 && at != 9 {
				t.Errorf("item %d has panicked", at)
			}
			if body := rec.Body().String(); !strings.Contains(body, "run_test.go") {
				t.Errorf("the event shows no stack: %s", body)
			}
		}
	}
	if panics != 2 {
		t.Errorf("%d panics were reported, want 2", panics)
	}
}

func TestOneContainsItsItems(t *testing.T) {
	rep, err := Run(t.Context(), "op", numbers(10), One(func(_ context.Context, v int) error {
		if v == 4 {
			panic("boom")
		}
		return nil
	}), Batch(10), ErrorBudget(0.5))
	if err != nil || rep.OK != 9 || rep.Failed != 1 {
		t.Errorf("%v, error %v; want 9 ok and 1 failed", rep, err)
	}
}

func TestARefusedBatchIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var calls []time.Duration
		rep, err := Run(t.Context(), "op", numbers(3), func(context.Context, []int) error {
			calls = append(calls, time.Since(begun))
			if len(calls) == 1 {
				return fmt.Errorf("index: %w", Overload(errors.New("429"), 7*time.Second))
			}
			return nil
		}, Workers(1))
		if err != nil || rep.OK != 3 || rep.Throttles != 1 {
			t.Errorf("%v, %d throttled, error %v; want 3 ok after 1 refusal", rep, rep.Throttles, err)
		}
		if len(calls) != 4 || calls[1] < 7*time.Second {
			t.Errorf("calls at %v: the second did not keep away for 7s", calls)
		}
	})
}

func TestRateLimitsItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		_, err := Run(t.Context(), "op", numbers(1000), func(context.Context, []int) error { return nil },
			Workers(8), Batch(10), Rate(100))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("1000 items took %s at 100 a second", took)
		}
	})
}

func TestRunShowsItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		calls := 0
		var seen map[string]float64
		_, err := Run(t.Context(), "op", numbers(200), func(context.Context, []int) error {
			switch calls++; calls {
			case 1:
				return Overload(errors.New("429"), time.Second)
			case 2:
				seen = p.collect(t)
			}
			return nil
		}, Workers(1), Batch(7), p.Providers)
		if err != nil {
			t.Fatal(err)
		}
		for series, want := range map[string]float64{
			"bulk.throttles{bulk.operation.name=op}":         1,
			"bulk.concurrency.limit{bulk.operation.name=op}": 1,
			"bulk.batch.limit{bulk.operation.name=op}":       7,
		} {
			if seen[series] != want {
				t.Errorf("%s = %v, want %v", series, seen[series], want)
			}
		}
		after := p.collect(t)
		if _, there := after["bulk.concurrency.limit{bulk.operation.name=op}"]; there || after["bulk.throttles{bulk.operation.name=op}"] != 1 {
			t.Errorf("after the end: %v", after)
		}
	})
}

func TestRunTellsOfItsDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		rep, _ := Run(ctx, "op", numbers(1<<30), func(context.Context, []int) error {
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // virtual time
			return nil
		}, Workers(Auto(1, 32)), p.Providers)
		told := p.logs.named(keys.EventBulkLimitChanged)
		if len(told) == 0 || !strings.HasPrefix(attr(attrsOf(told[0]), keys.BulkLimitReason), "doubling workers does not pay above 32") {
			t.Errorf("decisions: %v", told)
		}
		if rep.OK < 15000 || rep.Concurrency < 25 {
			t.Errorf("%d items in a minute with %d workers, want nearly 32 of them", rep.OK, rep.Concurrency)
		}
	})
}
