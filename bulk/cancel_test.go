package bulk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slowStore takes a while, and counts what it has saved.
type slowStore struct {
	memoryStore
	load, save time.Duration
	during     func() // called in the midst of a save
}

func (s *slowStore) Load(ctx context.Context, job string) ([]byte, error) {
	select {
	case <-time.After(s.load):
		return s.memoryStore.Load(ctx, job)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *slowStore) Save(ctx context.Context, job string, state []byte) error {
	<-time.After(s.save)
	if s.during != nil {
		s.during()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.memoryStore.Save(ctx, job, state)
}

// Where else a cancel can come is in runfault_test.go: at the start, in the
// source, in the function, and in the pauses before other tries.
func TestCancelOfARunThatWaits(t *testing.T) {
	quick := func(context.Context, []int) error { return nil }
	for name, tt := range map[string]struct {
		opts func() []Option
		done int64
	}{
		"for its rate":           {func() []Option { return []Option{Workers(1), Rate(0.1)} }, 1},
		"for its checkpoint":     {func() []Option { return []Option{Checkpoint(&slowStore{load: time.Hour}, "job")} }, 0},
		"for a batch to be full": {func() []Option { return []Option{Batch(1000), MaxAge(time.Hour)} }, 0},
		"for a backend that another run has": {func() []Option {
			backend := new(Backend)
			p := backend.join(Auto(1, 2), Limits{1, 1})
			seat := p.sit(func() {})
			p.axes[workers].set = 1
			p.admit(seat, time.Now())
			return []Option{backend}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				why := errors.New("shutting down")
				ctx, cancel := context.WithCancelCause(t.Context())
				begun := time.Now()
				time.AfterFunc(5*time.Second, func() { cancel(why) })
				rep, err := Run(ctx, "op", func(yield func(int) bool) {
					_ = yield(1) && yield(2)
					<-ctx.Done()
				}, quick, tt.opts()...)
				if !errors.Is(err, why) && !errors.Is(err, context.Canceled) || rep.Result != Canceled || rep.OK != tt.done || rep.Failed != 0 {
					t.Errorf("%v, error %v; want %d done and canceled", rep, err, tt.done)
				}
				if took := time.Since(begun); took != 5*time.Second {
					t.Errorf("took %s after a cancel at 5s", took)
				}
			})
		})
	}
}

func TestCancelWhileACheckpointIsSaved(t *testing.T) {
	for name, every := range map[string]time.Duration{"on the way": time.Second, "at the end": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				store := &slowStore{memoryStore: memoryStore{states: map[string]string{}}, save: 2 * time.Second, during: cancel}
				rep, err := Run(ctx, "op", numbers(8), One(func(ctx context.Context, _ int) error {
					select {
					case <-time.After(time.Second):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}), Workers(1), Checkpoint(store, "job"), CheckpointEvery(every))
				p, fault := parseProgress([]byte(store.states["job"]))
				if fault != nil || p.watermark() != rep.Done || rep.Done != rep.OK {
					t.Errorf("saved %s, error %v; want the %d that are done", store.states["job"], fault, rep.OK)
				}
				if all := every == time.Hour; all != (err == nil) || all != (rep.Result == Completed) || all != (rep.OK == 8) {
					t.Errorf("%v, error %v", rep, err)
				}
			})
		})
	}
}

func TestCancelInTheLastCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rep, err := Run(ctx, "op", numbers(8), One(func(_ context.Context, v int) error {
		if v == 7 {
			cancel()
		}
		return nil
	}), Workers(1), Total(8))
	if rep.OK != 8 || rep.Done != 8 || rep.Failed != 0 {
		t.Errorf("%v, error %v; want all done", rep, err)
	}
	if (err == nil) != (rep.Result == Completed) {
		t.Errorf("%s with error %v", rep.Result, err)
	}
}

func TestLoopsCanceledFromTheStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, loop := range map[string]func(Providers){
		"Start": func(p Providers) {
			ctx, op := Start(ctx, "op", p)
			err := ctx.Err()
			op.End(&err)
		},
		"Range": func(p Providers) {
			for range Range(ctx, "op", upTo(3), p) {
				break
			}
		},
		"Chan": func(p Providers) {
			for range Chan(ctx, "op", make(chan int), p) {
				t.Error("an item")
			}
		},
	} {
		p := newProbe()
		loop(p.Providers)
		if got := attr(p.root(t, "op").Attributes(), "bulk.operation.result"); got != "canceled" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
