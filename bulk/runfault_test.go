package bulk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestCancelWhileTheSourceBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(why) })
		blocked := func(yield func(int) bool) {
			_ = yield(1) && yield(2)
			<-ctx.Done()
			yield(3)
		}
		rep, err := Run(ctx, "op", blocked, func(context.Context, []int) error { return nil })
		if !errors.Is(err, why) || rep.Result != Canceled || rep.OK != 2 {
			t.Errorf("%v, error %v; want 2 items and the cause", rep, err)
		}
	})
}

func TestCancelWhileTheFunctionRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		rep, err := Run(ctx, "op", numbers(100), One(func(ctx context.Context, v int) error {
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				if v == 5 {
					return nil // it was done all the same
				}
				return fmt.Errorf("item %d: %w", v, ctx.Err())
			}
		}), Workers(4), Retry(3))
		if !errors.Is(err, context.DeadlineExceeded) || rep.Result != Canceled || rep.OK != 5 || rep.Failed != 0 || rep.Done != 4 {
			t.Errorf("%+v, error %v; want 5 ok, none failed, 4 done without a gap", rep, err)
		}
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	for name, fail := range map[string]error{
		"to try again": errors.New("no"),
		"to be let in": Overload(errors.New("503"), time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				begun := time.Now()
				rep, err := Run(ctx, "op", numbers(3), func(context.Context, []int) error { return fail },
					Workers(2), Retry(1000))
				if !errors.Is(err, context.DeadlineExceeded) || rep.Items() != 0 || rep.Done != 0 {
					t.Errorf("%v, error %v; want nothing done", rep, err)
				}
				if took := time.Since(begun); took != time.Second {
					t.Errorf("took %s after a cancel at 1s", took)
				}
			})
		})
	}
}

func TestCanceledFromTheStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rep, err := Run(ctx, "op", numbers(3), func(context.Context, []int) error {
		t.Error("called")
		return nil
	})
	if !errors.Is(err, context.Canceled) || rep.Result != Canceled || rep.Items() != 0 {
		t.Errorf("%v, error %v", rep, err)
	}
}

func TestASourceThatFails(t *testing.T) {
	broken := errors.New("connection lost")
	for name, tt := range map[string]struct {
		end  func(yield func(int, error) bool)
		want string
	}{
		"with an error": {func(yield func(int, error) bool) { yield(0, broken) }, "read the source: connection lost"},
		"with a panic":  {func(func(int, error) bool) { panic("boom") }, "read the source: panic: boom"},
		"with an exit":  {func(func(int, error) bool) { runtime.Goexit() }, "read the source: goroutine exited"},
	} {
		t.Run(name, func(t *testing.T) {
			source := func(yield func(int, error) bool) {
				for i := range 20 {
					if !yield(i, nil) {
						return
					}
				}
				tt.end(yield)
			}
			rep, err := Run2(t.Context(), "op", source, func(context.Context, []int) error { return nil }, Workers(3), Batch(7))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || rep.Result != Failed || rep.OK != 20 {
				t.Errorf("%v, error %v; want 20 ok and %q", rep, err, tt.want)
			}
		})
	}
}

func TestRunIsAnOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		var inside atomic.Pointer[Operation]
		_, err := Run(t.Context(), "op", numbers(100), One(func(ctx context.Context, _ int) error {
			inside.Store(From(ctx))
			if n := From(ctx).Snapshot().Workers; n < 1 || n > 5 {
				t.Errorf("%d workers are open, want 1 to 5", n)
			}
			time.Sleep(time.Second) //nolint:forbidigo // virtual time
			return nil
		}), Workers(5), Total(100), p.Providers)
		if err != nil {
			t.Fatal(err)
		}
		root := p.root(t, "op")
		if got := attr(root.Attributes(), keys.BulkOperationResult); got != "completed" {
			t.Errorf("result = %q", got)
		}
		s := inside.Load().Snapshot()
		// A verdict takes the first stage for the reader and the last for the writer.
		if len(s.Stages) != 2 || s.Stages[0].Name != "read" || s.Stages[1].Name != "process" || s.Stages[1].Time != 100*time.Second {
			t.Errorf("stages = %v, want read, then 100s of process", s.Stages)
		}
	})
}

func TestRunRefusesWhatMakesNoSense(t *testing.T) {
	fn := func(context.Context, []int) error { return nil }
	for name, tt := range map[string]struct {
		source iter.Seq[int]
		fn     func(context.Context, []int) error
		opts   []Option
		want   []string
	}{
		"no source":      {nil, fn, nil, []string{`bulk.Run "op": the source is nil`}},
		"no function":    {numbers(1), nil, nil, []string{"the function is nil"}},
		"no item func":   {numbers(1), One[int](nil), nil, []string{"the function is nil"}},
		"zero":           {numbers(1), fn, []Option{Workers(0), Batch(0), Rate(0), MaxAge(0)}, []string{"bulk.Workers: 0", "bulk.Batch: 0", "bulk.Rate: 0", "bulk.MaxAge: 0s"}},
		"below zero":     {numbers(1), fn, []Option{Workers(-1), Batch(Auto(-5, 5)), Retry(-1), CheckpointEvery(-1)}, []string{"bulk.Workers: -1", "bulk.Batch: -5", "bulk.Retry: -1", "bulk.CheckpointEvery: -1ns"}},
		"turned round":   {numbers(1), fn, []Option{Workers(Auto(9, 3))}, []string{"bulk.Workers: the least of 9 is more than the most of 3"}},
		"no share":       {numbers(1), fn, []Option{ErrorBudget(1.5)}, []string{"bulk.ErrorBudget: 1.5 is not from 0 to 1"}},
		"other items":    {numbers(1), fn, []Option{Key(func(string) string { return "" })}, []string{"bulk.Key: func(string) string is not for items of type int"}},
		"nil key":        {numbers(1), fn, []Option{Key[int](nil)}, []string{"bulk.Key: the function is nil"}},
		"no bytes":       {numbers(1), fn, []Option{MaxBytes(0, func(int) int { return 1 })}, []string{"bulk.MaxBytes: 0"}},
		"no store":       {numbers(1), fn, []Option{Checkpoint(nil, "job")}, []string{`bulk.Checkpoint: the store of job "job" is nil`}},
		"no job":         {numbers(1), fn, []Option{Checkpoint(FileStore("x"), "")}, []string{"bulk.Checkpoint: the job has no name"}},
		"backend, batch": {numbers(1), fn, []Option{new(Backend), Batch(Auto(1, 5))}, []string{"bulk.Batch: with a Backend"}},
	} {
		t.Run(name, func(t *testing.T) {
			rep, err := Run(t.Context(), "op", tt.source, tt.fn, tt.opts...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if rep.ID != "" {
				t.Errorf("report = %v, want an empty one", rep)
			}
		})
	}
}

func TestWrongItemErrorsFailTheBatch(t *testing.T) {
	for _, wrong := range []ItemErrors{{{5, errors.New("x")}}, {{-1, errors.New("x")}}, {{0, nil}}} {
		rep, err := Run(t.Context(), "op", numbers(5), func(context.Context, []int) error { return wrong },
			Batch(5), ErrorBudget(1))
		if err != nil || rep.Failed != 5 {
			t.Errorf("%v of %v: %v, error %v; want 5 failed", wrong[0].Index, wrong[0].Err, rep, err)
		}
	}
}

func TestOverloadOfNothing(t *testing.T) {
	if err := Overload(nil, time.Second); err != nil {
		t.Errorf("Overload(nil) = %v", err)
	}
}

func TestRunsShareABackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var backend Backend
		var s sink
		busy := func(context.Context, []int) error {
			s.enter()
			defer s.leave()
			time.Sleep(10 * time.Millisecond) //nolint:forbidigo // virtual time
			return nil
		}
		var jobs sync.WaitGroup
		reports := make([]Report, 3)
		for i := range reports {
			jobs.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				reports[i], _ = Run(ctx, "op", numbers(1<<30), busy, &backend, Workers(9))
			})
		}
		jobs.Wait()
		if s.most != 9 {
			t.Errorf("%d workers at once, want 9 for all", s.most)
		}
		for _, r := range reports {
			if r.OK < 2800 || r.OK > 3200 {
				t.Errorf("a job has done %d items, want a third of 9000", r.OK)
			}
		}
		rep, err := Run(t.Context(), "op", numbers(900), busy, &backend, Workers(9))
		if err != nil || rep.Elapsed > 1100*time.Millisecond {
			t.Errorf("alone: %v, error %v; want all workers", rep, err)
		}
	})
}
