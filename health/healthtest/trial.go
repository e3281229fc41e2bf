package healthtest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"time"
)

const (
	patience = 10 * time.Second      // with what should take no time, on a machine that stands still now and then
	glance   = 10 * time.Millisecond // between two looks at what should change soon
)

// A trial is a subject while one property is verified.
type trial struct{ Subject }

// release ends what hangs, for whoever ignores its context would keep the test
// from ending.
func (tr *trial) release() {
	if tr.Repair != nil {
		tr.Repair()
	}
}

// pass runs the check once and fails unless it passes.
func (tr *trial) pass() error {
	found, fault := tr.call()
	if fault != nil {
		return fault
	}
	if found != nil {
		return fmt.Errorf("the check fails although its dependency works: %w", found)
	}
	return nil
}

// call runs the check once, with time enough. found is what it returned, fault what
// it did instead of returning.
func (tr *trial) call() (found, fault error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return tr.callWith(ctx)
}

// hurried is call by somebody who waits for an answer no longer than it takes to
// see that there is none.
func (tr *trial) hurried() (found, fault error) {
	ctx, cancel := context.WithTimeout(context.Background(), impatience)
	defer cancel()
	return tr.callWith(ctx)
}

// callWith runs the check until it returns, or until patience is lost after the
// end of ctx.
func (tr *trial) callWith(ctx context.Context) (found, fault error) {
	done := make(chan outcome, 1)
	go pprof.Do(ctx, pprof.Labels(label, tr.id()), func(ctx context.Context) {
		end := outcome{fault: errors.New("the check has called runtime.Goexit")}
		defer func() {
			if v := recover(); v != nil {
				end.fault = fmt.Errorf("the check has panicked: %v\n%s", v, debug.Stack())
			}
			done <- end
		}()
		end = outcome{found: tr.Check(ctx)}
	})
	select {
	case end := <-done:
		return end.found, tr.verdict(end)
	case <-ctx.Done():
	}
	select {
	case end := <-done:
		return end.found, tr.verdict(end)
	case <-time.After(patience):
		_, where := tr.goroutines()
		return nil, fmt.Errorf("the check ignores its context: it has not returned %v after that had ended, but stands here:\n%s", patience, where)
	}
}

type outcome struct{ found, fault error }

// verdict returns the fault, which may also be that the error quotes a secret; it
// is not quoted once more.
func (tr *trial) verdict(end outcome) error {
	if end.found == nil {
		return end.fault
	}
	for i, secret := range tr.Secrets {
		if text := end.found.Error(); strings.Contains(text, secret) {
			return fmt.Errorf("an error quotes Secrets[%d]: %s", i, strings.ReplaceAll(text, secret, "[SECRET]"))
		}
	}
	return nil
}

// together calls f several times at once and returns one of the errors.
func together(f func() error) error {
	faults := make(chan error, repeats)
	var running sync.WaitGroup
	for range repeats {
		running.Go(func() { faults <- f() })
	}
	running.Wait()
	close(faults)
	for fault := range faults {
		if fault != nil {
			return fmt.Errorf("%d runs at once: %w", repeats, fault)
		}
	}
	return nil
}

// eventually returns nil when f does, or its last error.
func eventually(f func() error) error {
	timeout := time.After(patience)
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(glance):
		case <-timeout:
			return fmt.Errorf("still after %v: %w", patience, err)
		}
	}
}

func (tr *trial) id() string { return fmt.Sprintf("%p", tr) }
