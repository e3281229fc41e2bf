package bulk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestMarksAreTransparent(t *testing.T) {
	cause := &nilError{"disk full"}
	for name, mark := range map[string]func(error) error{"Permanent": Permanent, "Stop": Stop} {
		err := fmt.Errorf("save: %w", mark(fmt.Errorf("write: %w", cause)))
		if got, ok := errors.AsType[*nilError](err); !ok || got != cause || !errors.Is(err, cause) {
			t.Errorf("%s hides its error", name)
		}
		if got := err.Error(); got != "save: write: disk full" {
			t.Errorf("%s says %q", name, got)
		}
		if got := describe(err); got.typ != "*bulk.nilError" {
			t.Errorf("%s is of type %s, want that of its error", name, got.typ)
		}
		if err := mark(nil); err != nil {
			t.Errorf("%s(nil) = %v", name, err)
		}
	}
}

func TestPermanentFailuresAreNotTriedAgain(t *testing.T) {
	bad, late := errors.New("no such account"), errors.New("timeout")
	for name, fn := range map[string]func(tried map[int]int) func(context.Context, []int) error{
		"single items": func(tried map[int]int) func(context.Context, []int) error {
			return One(func(_ context.Context, v int) error {
				tried[v]++
				switch {
				case v%10 == 3:
					return fmt.Errorf("post: %w", Permanent(bad))
				case v%10 == 5 && tried[v] < 3:
					return late
				}
				return nil
			})
		},
		"parts of batches": func(tried map[int]int) func(context.Context, []int) error {
			return func(_ context.Context, batch []int) error {
				var failed ItemErrors
				for i, v := range batch {
					tried[v]++
					switch {
					case v%10 == 3:
						failed = append(failed, ItemError{i, Permanent(bad)})
					case v%10 == 5 && tried[v] < 3:
						failed = append(failed, ItemError{i, late})
					}
				}
				return failed
			}
		},
	} {
		for _, batch := range []int{1, 20} {
			t.Run(fmt.Sprint(name, " of ", batch), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tried := map[int]int{}
					rep, err := Run(t.Context(), "op", numbers(100), fn(tried), Workers(1), Batch(batch), Retry(4), ErrorBudget(0.1), Total(100))
					if err != nil || rep.OK != 90 || rep.Failed != 10 || rep.Retried != 20 {
						t.Errorf("%v, error %v; want 90 ok, 10 failed and 20 retries", rep, err)
					}
					for v, n := range tried {
						if want := map[bool]int{true: 3, false: 1}[v%10 == 5]; n != want {
							t.Errorf("item %d was tried %d times, want %d", v, n, want)
						}
					}
					if f := rep.Failures; len(f) != 1 || f[0].Items != 10 || f[0].Kind != bad.Error() {
						t.Errorf("classes of failures: %+v", f)
					}
				})
			})
		}
	}
}

func TestPermanentFailureOfAWholeBatch(t *testing.T) {
	calls := 0
	rep, err := Run(t.Context(), "op", numbers(20), func(context.Context, []int) error {
		calls++
		return Permanent(errors.New("no such table"))
	}, Workers(1), Batch(10), Retry(5), ErrorBudget(1))
	if err != nil || calls != 2 || rep.Failed != 20 {
		t.Errorf("%d calls, %v, error %v; want each batch once", calls, rep, err)
	}
}

// stopping is a job whose backend breaks at item 40: until then each item takes
// a second, and ten are under way when it is told.
func stopping(t *testing.T, store CheckpointStore, s *sink, broken error) (Report, error) {
	t.Helper()
	return Run(t.Context(), "op", numbers(100), func(ctx context.Context, batch []int) error {
		if ctx.Err() != nil {
			t.Error("the context of a call is canceled by Stop")
		}
		if batch[0] == 40 && broken != nil {
			time.Sleep(time.Second / 2) //nolint:forbidigo // virtual time
			return fmt.Errorf("item 40: %w", Stop(broken))
		}
		time.Sleep(time.Second) //nolint:forbidigo // virtual time
		if batch[0]%10 == 7 && batch[0] > 40 && broken != nil {
			return Permanent(errors.New("connection reset"))
		}
		s.take(batch)
		return nil
	}, Workers(10), Retry(3), ErrorBudget(0.5), Checkpoint(store, "job"), CheckpointEvery(time.Hour))
}

func TestStopEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		store, broken := FileStore(t.TempDir()), &nilError{"disk full"}
		rep, err := stopping(t, store, &s, broken)
		if !errors.Is(err, broken) || err.Error() != "item 40: disk full" || rep.Result != Failed {
			t.Errorf("%s with error %v, want the one of item 40", rep.Result, err)
		}
		if rep.OK != 48 || rep.Failed != 0 || rep.Retried != 0 || rep.Done != 40 {
			t.Errorf("%v, %d done without a gap; want 48 and 40, and none failed", rep, rep.Done)
		}
		rep, err = stopping(t, store, &s, nil)
		if err != nil || rep.Skipped != 48 || rep.OK != 52 {
			t.Errorf("going on: %v, error %v", rep, err)
		}
		s.exactly(t, 100, 1)
	})
}

func TestStopInAPartOfABatch(t *testing.T) {
	broken := errors.New("disk full")
	for name, fn := range map[string]func(context.Context, []int) error{
		"of item errors": func(_ context.Context, batch []int) error {
			if batch[0] > 0 {
				t.Error("called after it wanted to stop")
			}
			return ItemErrors{{3, Stop(broken)}, {4, errors.New("not tried")}}
		},
		"of single items": One(func(_ context.Context, v int) error {
			if v > 3 {
				t.Errorf("item %d was tried after the stop", v)
			}
			if v == 3 {
				return Stop(broken)
			}
			return nil
		}),
	} {
		t.Run(name, func(t *testing.T) {
			rep, err := Run(t.Context(), "op", numbers(50), fn, Workers(1), Batch(5), ErrorBudget(1))
			if !errors.Is(err, broken) || rep.Done != 3 || rep.Failed > 1 {
				t.Errorf("%v, %d done, error %v; want 3", rep, rep.Done, err)
			}
		})
	}
}

func TestStopDoesNotWaitForOtherTries(t *testing.T) {
	for name, other := range map[string]error{
		"to be tried again": errors.New("no"), "to be let in": Overload(errors.New("503"), time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken, begun := errors.New("disk full"), time.Now()
				both := make(chan struct{}) // a backend that refuses the first would not let the second in
				rep, err := Run(t.Context(), "op", numbers(2), func(_ context.Context, batch []int) error {
					if batch[0] == 0 {
						<-both
						return other
					}
					close(both)
					time.Sleep(10 * time.Millisecond) //nolint:forbidigo // virtual time
					return Stop(broken)
				}, Workers(2), Retry(1000))
				if took := time.Since(begun); !errors.Is(err, broken) || rep.Items() != 0 || took != 10*time.Millisecond {
					t.Errorf("%v after %s, error %v", rep, took, err)
				}
			})
		})
	}
}

// torn yields n numbers, but those in bad as items that cannot be read.
func torn(n int, bad ...int) func(yield func(int, error) bool) {
	return func(yield func(int, error) bool) {
		for i := range n {
			var err error
			if slices.Contains(bad, i) {
				err = fmt.Errorf("line %d: %w", i, Permanent(errors.New("wrong number of fields")))
			}
			if !yield(i, err) {
				return
			}
		}
	}
}

func TestItemsThatCannotBeReadFail(t *testing.T) {
	for name, tt := range map[string]struct {
		budget ErrorBudget
		ends   bool
		failed int64
		done   int64 // at most
		again  int64 // failed in the next run, which has a budget
	}{
		"within the budget": {0.1, false, 3, 50, 0},
		"past the budget":   {0.03, true, 2, 10, 2},
		"without a budget":  {0, true, 1, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s sink
				p, store := newProbe(), FileStore(t.TempDir())
				do := func(budget ErrorBudget) (Report, error) {
					return Run2(t.Context(), "op", torn(50, 3, 10, 30), func(_ context.Context, batch []int) error {
						s.take(batch)
						return nil
					}, Workers(1), Total(50), budget, p.Providers, Checkpoint(store, "job"), Key(func(v int) string { return fmt.Sprint(v % 2) }))
				}
				rep, err := do(tt.budget)
				if errors.Is(err, ErrBudget) != tt.ends || rep.Failed != tt.failed || rep.Done > tt.done || !tt.ends && rep.Done != tt.done {
					t.Errorf("%v, %d done, error %v; want %d failed, %d done", rep, rep.Done, err, tt.failed, tt.done)
				}
				if f := rep.Failures; len(f) != 1 || f[0].Kind != "wrong number of fields" || f[0].First.Item != keys.BulkItemPosition+"=3" {
					t.Errorf("classes of failures: %+v", f)
				}
				if rep, err = do(0.1); err != nil || rep.Failed != tt.again {
					t.Errorf("going on: %v, error %v; want %d failed", rep, err, tt.again)
				}
				for _, unread := range []int{3, 10, 30} {
					if s.times[unread] != 0 {
						t.Errorf("item %d was processed", unread)
					}
				}
				if len(s.times) != 47 || slices.Max(slices.Collect(maps.Values(s.times))) != 1 {
					t.Errorf("processed: %v; want each readable item once", s.times)
				}
			})
		})
	}
}

func TestASourceThatBreaksIsNoItem(t *testing.T) {
	broken := errors.New("connection lost")
	rep, err := Run2(t.Context(), "op", func(yield func(int, error) bool) {
		_ = yield(0, nil) && yield(0, Permanent(errors.New("bad line"))) && yield(0, broken) && yield(0, nil)
	}, func(context.Context, []int) error { return nil }, ErrorBudget(0.9))
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "read the source: ") || rep.OK != 1 || rep.Failed != 1 {
		t.Errorf("%v, error %v; want one ok, one failed and the error of the source", rep, err)
	}
}
