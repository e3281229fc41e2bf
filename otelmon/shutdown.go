package otelmon

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	shutdownTimeout = 5 * time.Second // of a shutdown whose context has no deadline
	settleTime      = 50 * time.Millisecond
)

// Flush sends what is buffered, traces and logs first, then metrics, and waits
// until it is sent or ctx is done. The error joins what went wrong.
func (m *Monitor) Flush(ctx context.Context) error {
	return m.inTurn(ctx, provider.ForceFlush)
}

// Shutdown sends what is buffered and ends all telemetry: traces and logs
// first, metrics last. It returns by ctx's deadline, or after 5 s when it has
// none, even if a backend hangs; what is not sent by then is given up. The
// error joins every cause and says what was lost in the monitor's whole life;
// nil means that nothing was. Further calls return the same error.
func (m *Monitor) Shutdown(ctx context.Context) error {
	m.shutdown.Do(func() { m.err = m.stop(ctx) })
	return m.err
}

func (m *Monitor) stop(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
	}
	faults := []error{m.inTurn(ctx, provider.Shutdown)}
	for _, d := range m.sent {
		d.Abandon()
	}
	m.settle()
	for _, d := range m.sent {
		if s := d.Snapshot(); s.Failed > 0 {
			faults = append(faults, fmt.Errorf("%d %s not delivered to %s: %w", s.Failed, d.items, d.to, s.LastError))
		}
	}
	return errors.Join(faults...)
}

// settle waits for what a provider still does once its exporters are abandoned:
// nothing that lasts, unless a tap or a callback hangs, which nothing can stop.
func (m *Monitor) settle() {
	done := make(chan struct{})
	go func() { m.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(settleTime):
	}
}

// inTurn calls do for all providers but the last at the same time, and then
// for the last, which keeps a third of the time.
func (m *Monitor) inTurn(ctx context.Context, do func(provider, context.Context) error) error {
	if len(m.providers) == 0 {
		return nil
	}
	first := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		first, cancel = context.WithTimeout(ctx, time.Until(deadline)*2/3)
		defer cancel()
	}
	last := len(m.providers) - 1
	return errors.Join(m.together(first, m.providers[:last], do), m.together(ctx, m.providers[last:], do))
}

// together does not wait beyond ctx, whatever a provider does.
func (m *Monitor) together(ctx context.Context, providers []provider, do func(provider, context.Context) error) error {
	results := make(chan error, len(providers))
	for _, p := range providers {
		m.running.Go(func() { results <- do(p, ctx) })
	}
	var faults []error
	for range providers {
		select {
		case err := <-results:
			faults = append(faults, err)
		case <-ctx.Done():
			return errors.Join(append(faults, ctx.Err())...)
		}
	}
	return errors.Join(faults...)
}
