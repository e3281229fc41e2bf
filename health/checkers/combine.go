package checkers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/otelmon/otelmon-go/health"
)

// All is as bad as the worst of checks, and tells what each of them says. They
// run at the same time, and all are waited for: one that ignores its context
// makes the whole hang, as it would alone. A panic of one is its failure. Of
// details with the same key one stays, so checks of their own tell more.
func All(checks ...func(context.Context) error) func(context.Context) error {
	if fault := memberFault(checks); fault != "" {
		return broken("all", fault)
	}
	checks = slices.Clone(checks)
	return func(ctx context.Context) error { return errors.Join(gather(ctx, checks)...) }
}

// AtLeast is for things that stand in for each other, such as replicas: it is
// healthy if all checks are, degraded if k of them or more are of use, that is
// healthy or degraded, and otherwise unhealthy. It runs them as [All] does.
func AtLeast(k int, checks ...func(context.Context) error) func(context.Context) error {
	fault := memberFault(checks)
	if fault == "" && (k < 1 || k > len(checks)) {
		fault = fmt.Sprintf("%d of %d can't be asked for", k, len(checks))
	}
	if fault != "" {
		return broken("at least", fault)
	}
	checks = slices.Clone(checks)
	return func(ctx context.Context) error {
		useful := 0
		var errs []error
		for _, err := range gather(ctx, checks) {
			if health.StateOf(err) != health.StateUnhealthy {
				useful++
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) == 0 {
			return nil
		}
		err := fmt.Errorf("%d of %d are of use: %w", useful, len(checks), errors.Join(errs...))
		if useful >= k {
			return health.Degraded(err)
		}
		return err
	}
}

func memberFault(checks []func(context.Context) error) string {
	switch {
	case len(checks) == 0:
		return "there are no checks"
	case slices.ContainsFunc(checks, func(check func(context.Context) error) bool { return check == nil }):
		return "a check is nil"
	}
	return ""
}

// gather runs the checks, each in a goroutine, and returns when all have ended.
func gather(ctx context.Context, checks []func(context.Context) error) []error {
	results := make([]error, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { contained(ctx, check, &results[i]) })
	}
	running.Wait()
	return results
}

// contained writes to result what check returns, or how else it ended. Beyond
// the registry's own goroutine nobody else would stop a panic.
func contained(ctx context.Context, check func(context.Context) error, result *error) {
	*result = errors.New("runtime.Goexit was called")
	defer func() {
		if recover() != nil {
			*result = errors.New("panic with what panics when it is printed")
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			*result = fmt.Errorf("panic: %v", v)
		}
	}()
	*result = check(ctx)
}
