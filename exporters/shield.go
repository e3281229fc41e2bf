package exporters

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// grace is how long a call may outlive its context to say why it failed.
const grace = 50 * time.Millisecond

// shield is the keeper of a [Delivery]: it contains panics, leaves hanging
// calls behind and counts.
type shield struct {
	delivery *Delivery
	slot     chan struct{} // holds a token while an export runs, even one left behind
}

func newShield(d *Delivery) *shield {
	return &shield{delivery: d, slot: make(chan struct{}, 1)}
}

func (s *shield) export(ctx context.Context, items int, call func(context.Context) error) error {
	ctx, done := s.delivery.until(ctx)
	defer done()
	if ctx.Err() != nil {
		err := fmt.Errorf("%w: %w", errNotTried, context.Cause(ctx))
		s.delivery.count(items, err)
		return err
	}
	select {
	case s.slot <- struct{}{}:
	case <-ctx.Done():
		err := fmt.Errorf("exporter hangs in an earlier batch: %w", context.Cause(ctx))
		s.delivery.count(items, err)
		return err
	}
	err := clean(await(ctx, func(ctx context.Context) error {
		defer func() { <-s.slot }()
		return contain(ctx, call)
	}))
	s.delivery.count(items, err)
	return err
}

func (s *shield) flush(ctx context.Context, call func(context.Context) error) error {
	return clean(await(ctx, func(ctx context.Context) error { return contain(ctx, call) }))
}

// shutdown does not wait for an export that hangs: closing the exporter may be
// what ends it.
func (s *shield) shutdown(ctx context.Context, call func(context.Context) error) error {
	return s.flush(ctx, call)
}

// await runs call in a goroutine, which it leaves behind when call ignores that
// ctx is done.
func await(ctx context.Context, call func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("exporter did not end in time: %w", context.Cause(ctx))
	}
}

// contain turns a panic into an error.
func contain(ctx context.Context, call func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(errPanic, fmt.Errorf("%v", p))
		}
	}()
	return call(ctx)
}

var (
	errPanic    = errors.New("exporter panicked")
	errNotTried = errors.New("export not tried")
)
