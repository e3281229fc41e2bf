package health

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// missing reports the dependencies of c that are not in the list.
func missing(c Check, list []*entry) error {
	var errs []error
	for _, name := range c.DependsOn {
		if lookUp(list, name) == nil {
			errs = append(errs, fmt.Errorf("health: check %q: DependsOn names %q, which is not registered", c.Name, clip(name, 80)))
		}
	}
	return errors.Join(errs...)
}

// cycle returns the way from c back to itself, or nil if there is none.
func cycle(c Check, list []*entry) []string {
	seen := map[string]bool{}
	var walk func(check Check) []string
	walk = func(check Check) []string {
		for _, name := range check.DependsOn {
			if name == c.Name {
				return []string{check.Name, name}
			}
			if e := lookUp(list, name); e != nil && !seen[name] {
				seen[name] = true
				if path := walk(e.check); path != nil {
					return append([]string{check.Name}, path...)
				}
			}
		}
		return nil
	}
	return walk(c)
}

func lookUp(list []*entry, name string) *entry {
	if at, found := slices.BinarySearchFunc(list, name, byName); found {
		return list[at]
	}
	return nil
}

// roots maps each failing check whose failure another one explains to that
// other one. Results are ordered by name; their dependencies form no cycle.
func roots(results []*Result) map[string]string {
	causes := make(map[string]*Result)
	var cause func(*Result) *Result
	cause = func(r *Result) *Result {
		if known := causes[r.Name]; known != nil {
			return known
		}
		var first *Result
		for _, name := range r.DependsOn {
			at, found := slices.BinarySearchFunc(results, name, func(r *Result, name string) int { return strings.Compare(r.Name, name) })
			if !found || !explains(results[at], r) {
				continue
			}
			if root := cause(results[at]); first == nil || root.before(first) {
				first = root
			}
		}
		if first == nil {
			first = r
		}
		causes[r.Name] = first
		return first
	}
	explained := make(map[string]string)
	for _, r := range results {
		if len(r.DependsOn) == 0 || !r.failing() {
			continue
		}
		if root := cause(r); root != r {
			explained[r.Name] = root.Name
		}
	}
	return explained
}

// explains reports whether dependency is at least as bad as r. What is stale
// may be anything.
func explains(dependency, r *Result) bool {
	return dependency.failing() && (dependency.State == StateUnknown || rank(dependency.State) >= rank(r.State))
}

// before orders possible causes: the first to fail is the likeliest.
func (r *Result) before(other *Result) bool {
	if !r.Since.Equal(other.Since) {
		return r.Since.Before(other.Since)
	}
	return r.Name < other.Name
}
