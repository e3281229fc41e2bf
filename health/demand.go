package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Run has the named checks executed now, or all if none is named, and returns
// the report once each has a new result. An execution that runs already is
// shared, so any number of callers cause one. Paused checks, and those whose last
// execution still hangs, are not waited for.
//
// When ctx ends first, the error names the checks that are not done; that changes
// neither their executions nor any result. Run also fails for an unknown name and
// unless the registry is started; the report is valid in any case. A check must
// not call it for itself.
func (r *Registry) Run(ctx context.Context, names ...string) (Report, error) {
	awaited, err := r.request(names)
	for i := range awaited {
		select {
		case <-awaited[i].told:
		case <-ctx.Done():
			return r.Report(), errors.Join(err, fmt.Errorf("health: run: not done: %s: %w", unfinished(awaited[i:]), context.Cause(ctx)))
		}
	}
	return r.Report(), err
}

// awaited is a check whose next result somebody waits for.
type awaited struct {
	name string
	told <-chan struct{}
}

func (r *Registry) request(names []string) ([]awaited, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase != started {
		return nil, errors.New("health: run: the registry is not running")
	}
	list := *r.entries.Load()
	var errs []error
	if len(names) > 0 {
		list = nil
		for _, name := range names {
			if e := lookUp(*r.entries.Load(), name); e != nil {
				list = append(list, e)
			} else {
				errs = append(errs, fmt.Errorf("health: run: there is no check %q", clip(name, 80)))
			}
		}
	}
	var wanted []awaited
	for _, e := range list {
		if e.paused || e.run != nil && e.run.hung {
			continue
		}
		if e.told == nil {
			e.told = make(chan struct{})
		}
		if e.run == nil {
			r.bringForward(e, time.Now())
		}
		wanted = append(wanted, awaited{e.check.Name, e.told})
	}
	return wanted, errors.Join(errs...)
}

func unfinished(list []awaited) string {
	var names []string
	for _, a := range list {
		select {
		case <-a.told:
		default:
			names = append(names, a.name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
