package healthtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// A world is what a checker of these tests lives in.
type world struct {
	Dependency

	dials atomic.Int64
	end   chan struct{} // closed when the test is over
}

func (w *world) subject(check func(context.Context) error) Subject {
	return Subject{
		Check: check, Break: w.Break, Repair: w.Repair, Hang: w.Hang,
		Connections: func() int { return int(w.dials.Load()) },
		Secrets:     []string{"hunter2", "rosebud"},
	}
}

type check = func(context.Context) error

type badChecker struct {
	name     string
	property string // that it lacks
	message  string // that says so
	within   func(*world) check
}

func TestBadCheckers(t *testing.T) {
	for _, bad := range badCheckers() {
		t.Run(bad.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{end: make(chan struct{})}
				defer w.Repair()
				defer close(w.end)
				err := find(t, bad.property).holds(&trial{w.subject(bad.within(w))})
				if err == nil || !strings.Contains(err.Error(), bad.message) {
					t.Errorf("%s: got %v, want %q", bad.property, err, bad.message)
				}
				if err != nil && strings.Contains(err.Error(), "rosebud") {
					t.Errorf("the secret is quoted once more: %v", err)
				}
			})
		})
	}
}

func find(t *testing.T, name string) property {
	t.Helper()
	for _, p := range properties() {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("there is no property %q", name)
	return property{}
}

func badCheckers() []badChecker {
	return []badChecker{
		{
			"fails always", "passes", "fails although its dependency works",
			func(*world) check {
				return func(context.Context) error { return errors.New("wrong port") }
			},
		},
		{
			"swallows the failure", "fails when broken", "passes although its dependency is broken",
			func(w *world) check {
				return func(ctx context.Context) error {
					_ = w.Ping(ctx)
					return nil
				}
			},
		},
		{
			"tells a failure once", "fails when broken", "an old answer repeated",
			func(w *world) check {
				var told atomic.Bool
				return func(ctx context.Context) error {
					if err := w.Ping(ctx); err != nil && !told.Swap(true) {
						return err
					}
					return nil
				}
			},
		},
		{
			"never recovers", "fails when broken", "still after 10s: the check fails although its dependency works",
			func(w *world) check {
				var failed atomic.Bool
				return func(ctx context.Context) error {
					if err := w.Ping(ctx); err != nil || failed.Load() {
						failed.Store(true)
						return ErrBroken
					}
					return nil
				}
			},
		},
		{
			"waits whatever its context says", "returns if its context has ended", "the check ignores its context",
			func(w *world) check {
				return func(ctx context.Context) error {
					if ctx.Err() != nil {
						<-w.end
					}
					return nil
				}
			},
		},
		{
			"ignores its context", "returns when its context ends", "the context reached its deadline: the check ignores its context: it has not returned 10s after that had ended, but stands here:\n\thealthtest.(*Dependency).Ping",
			func(w *world) check {
				return func(context.Context) error { return w.Ping(context.Background()) }
			},
		},
		{
			"heeds the deadline alone", "returns when its context ends", "the context was cancelled: the check ignores its context",
			func(w *world) check {
				return func(ctx context.Context) error {
					deadline, ok := ctx.Deadline()
					if err := ctx.Err(); err != nil {
						return err
					}
					if !ok {
						return w.Ping(context.Background())
					}
					own, cancel := context.WithDeadline(context.Background(), deadline)
					defer cancel()
					return w.Ping(own)
				}
			},
		},
		{
			"takes silence for health", "returns when its context ends", "passes although its dependency has not answered",
			func(w *world) check {
				return func(ctx context.Context) error {
					if err := w.Ping(ctx); ctx.Err() == nil {
						return err
					}
					return nil
				}
			},
		},
		{
			"panics when broken", "fails when broken", "the check has panicked: no answer",
			func(w *world) check {
				return func(ctx context.Context) error {
					if w.Ping(ctx) != nil {
						panic("no answer")
					}
					return nil
				}
			},
		},
		{
			"calls Goexit", "passes", "the check has called runtime.Goexit",
			func(*world) check {
				return func(context.Context) error {
					runtime.Goexit()
					return nil
				}
			},
		},
		{
			"panics if its context has ended", "returns if its context has ended", "the check has panicked: context canceled",
			func(*world) check {
				return func(ctx context.Context) error {
					if ctx.Err() != nil {
						panic(ctx.Err())
					}
					return nil
				}
			},
		},
		{
			"refuses to run twice at once", "runs several times at once", "10 runs at once: the check fails",
			func(w *world) check {
				var busy atomic.Int32
				arrived := make(chan struct{}, repeats)
				return func(ctx context.Context) error {
					defer busy.Add(-1)
					if busy.Add(1) > 1 {
						arrived <- struct{}{}
						return errors.New("busy")
					}
					select { // so that the others come
					case <-arrived:
					case <-ctx.Done():
					}
					return w.Ping(ctx)
				}
			},
		},
		{
			"leaks a goroutine", "leaves no goroutine", "10 runs have left 10 goroutines behind, most of them here:\n\thealthtest.",
			func(w *world) check {
				return func(ctx context.Context) error {
					go func() { <-w.end }()
					return w.Ping(ctx)
				}
			},
		},
		{
			"leaks a goroutine when broken", "leaves no goroutine when broken", "10 runs have left 10 goroutines behind",
			func(w *world) check {
				return func(ctx context.Context) error {
					err := w.Ping(ctx)
					if err != nil {
						go func() { <-w.end }()
					}
					return err
				}
			},
		},
		{
			"leaves the call behind at its timeout", "leaves no goroutine without an answer", "\thealthtest.(*Dependency).Ping",
			func(w *world) check {
				return func(ctx context.Context) error {
					answer := make(chan error, 1)
					go func() { answer <- w.Ping(context.Background()) }()
					select {
					case err := <-answer:
						return err
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			},
		},
		{
			"dials each time", "uses its connection again", "10 runs have opened 10 further connections",
			func(w *world) check {
				return func(ctx context.Context) error {
					w.dials.Add(1)
					return w.Ping(ctx)
				}
			},
		},
		{
			"quotes its password", "fails when broken", "an error quotes Secrets[1]: dial app:[SECRET]@db: healthtest",
			func(w *world) check {
				return func(ctx context.Context) error {
					if err := w.Ping(ctx); err != nil && ctx.Err() == nil {
						return fmt.Errorf("dial app:rosebud@db: %w", err)
					}
					return nil
				}
			},
		},
		{
			"quotes its password in vain", "returns when its context ends", "an error quotes Secrets[1]: dial app:[SECRET]@db: context",
			func(w *world) check {
				return func(ctx context.Context) error {
					if err := w.Ping(ctx); ctx.Err() != nil {
						return fmt.Errorf("dial app:rosebud@db: %w", err)
					}
					return nil
				}
			},
		},
	}
}
