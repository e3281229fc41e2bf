package health

import (
	"cmp"
	"slices"
	"time"
)

// A window is a time in which failures are expected.
type window struct {
	names  []string // empty: every check
	until  time.Time
	reason string
}

// Maintain opens a maintenance window for the named checks, or for all if none
// is named, registered or not: until then, or until end is called, their results
// carry the reason, are [Result.Muted] and cause no alert. They are executed and
// counted in verdicts as ever, for traffic must not go where nothing works.
//
// An empty reason reads "maintenance". end may be called more than once.
func (r *Registry) Maintain(until time.Time, reason string, names ...string) (end func()) {
	w := &window{names: slices.Clone(names), until: until, reason: cmp.Or(redact(reason), "maintenance")}
	r.exchange(nil, w)
	return func() { r.exchange(w, nil) }
}

// exchange takes one window out, puts one in, and drops those that have ended.
func (r *Registry) exchange(out, in *window) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var list []*window
	for _, w := range *r.windows.Load() {
		if w != out && now.Before(w.until) {
			list = append(list, w)
		}
	}
	if in != nil {
		list = append(list, in)
	}
	r.windows.Store(&list)
	r.changed()
}

// reasonOf returns the reason of the first window that holds for the check.
func reasonOf(windows []*window, name string, now time.Time) string {
	for _, w := range windows {
		if now.Before(w.until) && (len(w.names) == 0 || slices.Contains(w.names, name)) {
			return w.reason
		}
	}
	return ""
}
