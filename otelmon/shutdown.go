package otelmon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

const (
	shutdownTimeout = 5 * time.Second // of a shutdown whose context has no deadline
	settleTime      = 50 * time.Millisecond
)

// Flush sends what is buffered, traces and logs first, then metrics, and waits
// until it is sent or ctx is done. The error joins what went wrong.
func (m *Monitor) Flush(ctx context.Context) error {
	return m.inTurn(usable(ctx), pipeline.ForceFlush)
}

// Shutdown sends what is buffered and ends all telemetry: traces and logs
// first, metrics last. It returns by ctx's deadline, or after 5 s when it has
// none, even if a backend hangs; what is not sent by then is given up. The
// error joins every cause and says what was lost in the monitor's whole life,
// also to full queues; nil means that nothing was. Further calls return the
// same error, once the first has ended.
func (m *Monitor) Shutdown(ctx context.Context) error {
	ctx = usable(ctx)
	if m.stopping.CompareAndSwap(false, true) {
		m.err = m.stop(ctx)
		close(m.stopped)
		return m.err
	}
	select {
	case <-m.stopped:
		return m.err
	case <-ctx.Done():
		return fmt.Errorf("an earlier shutdown has not ended: %w", ctx.Err())
	}
}

// usable forgives a nil context, so that telemetry cannot crash a program on
// its way out.
func usable(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

func (m *Monitor) stop(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownTimeout)
		defer cancel()
	}
	if m.meters != nil {
		m.meters.ending.Store(true)
	}
	fault := m.inTurn(ctx, pipeline.Shutdown)
	if m.outbox != nil {
		fault = errors.Join(fault, m.outbox.Close(ctx))
		m.tellLedger()
	}
	return fault
}

// tellLedger says in one line on the console what became of all telemetry.
func (m *Monitor) tellLedger() {
	var accounts []string
	for _, a := range m.Status().Accounts {
		accounts = append(accounts, a.String())
	}
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "telemetry: "+strings.Join(accounts, "; "), 0)
	if m.console.Enabled(context.Background(), r.Level) {
		_ = m.console.Handle(context.Background(), r) // nobody is left to tell
	}
}

// inTurn calls do for all pipelines but the last at the same time, and then
// for the last, which keeps a third of the time.
func (m *Monitor) inTurn(ctx context.Context, do func(pipeline, context.Context) error) error {
	if len(m.pipelines) == 0 {
		return nil
	}
	first := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		first, cancel = context.WithTimeout(ctx, time.Until(deadline)*2/3)
		defer cancel()
	}
	last := len(m.pipelines) - 1
	return errors.Join(together(first, m.pipelines[:last], do), together(ctx, m.pipelines[last:], do))
}

// together waits for a pipeline no longer than ctx and a moment more. One that
// takes longer hangs in a tap or a callback, which nothing can stop.
func together(ctx context.Context, pipelines []pipeline, do func(pipeline, context.Context) error) error {
	results := make(chan error, len(pipelines))
	for _, p := range pipelines {
		go func() { results <- contain(p, ctx, do) }()
	}
	late := make(chan struct{})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(settleTime, func() { close(late) }) })()
	var faults []error
	for range pipelines {
		select {
		case err := <-results:
			faults = append(faults, err)
		case <-late:
			return errors.Join(append(faults, fmt.Errorf("a tap or a callback hangs: %w", ctx.Err()))...)
		}
	}
	return errors.Join(faults...)
}

// contain turns a panic of a tap into an error.
func contain(p pipeline, ctx context.Context, do func(pipeline, context.Context) error) (err error) { //nolint:revive // the order of a method expression
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("a tap panicked: %v", v)
		}
	}()
	return do(p, ctx)
}
