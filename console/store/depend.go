package store

import (
	"maps"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// namesOf reads the names of the checks that one depends on.
func namesOf(v attribute.Value) []string {
	if v.Type() != attribute.STRINGSLICE {
		return nil
	}
	names := v.AsStringSlice()
	names = names[:min(len(names), maxDependencies)]
	for i, name := range names {
		names[i] = CleanLine(Cut(name, maxDependency))
	}
	return names
}

// explain finds the cause of each failing check as package health does: of the
// failing checks that it depends on, the first to fail, or what that one's cause
// is. What was told may be a cycle, which ends where it was entered.
func explain(checks map[string]*Check) {
	causes := map[string]*Check{}
	var cause func(*Check) *Check
	cause = func(c *Check) *Check {
		if known := causes[c.Name]; known != nil {
			return known
		}
		causes[c.Name] = c
		first := c
		for _, name := range c.DependsOn {
			d := checks[name]
			if d == nil || !d.failing() || d.State != StateUnknown && severity(d.State) < severity(c.State) {
				continue
			}
			if root := cause(d); root != c && (first == c || root.failedBefore(first)) {
				first = root
			}
		}
		causes[c.Name] = first
		return first
	}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		c := checks[name]
		if c.DependsOn == nil {
			c.DependsOn = []string{}
		}
		if c.Explains == nil {
			c.Explains = []string{}
		}
		if root := cause(c); c.failing() && root != c {
			c.SuppressedBy = root.Name
			root.Explains = append(root.Explains, c.Name)
		}
	}
}

// failing tells whether something is known to be wrong.
func (c *Check) failing() bool {
	return c.State == StateDegraded || c.State == StateUnhealthy || c.State == StateUnknown && c.Reason == "stale"
}

// failedBefore orders causes; a change that was not seen was before all others.
func (c *Check) failedBefore(other *Check) bool {
	switch {
	case c.Since == nil || other.Since == nil:
		return c.Since == nil && (other.Since != nil || c.Name < other.Name)
	case c.Since.Equal(*other.Since):
		return c.Name < other.Name
	}
	return c.Since.Before(*other.Since)
}
