package health

import (
	"sync"
	"time"
)

// A summary is what follows from all results together. It is made anew when
// one of them changes or expires, so that a probe costs the same for ten checks
// as for ten thousand. It is never changed.
type summary struct {
	version uint64
	until   time.Time         // when the next result expires or maintenance window ends; zero: never
	probes  [3]State          // by probeIndex
	roots   map[string]string // a check and the one whose failure explains its own
	results []*Result         // as they were then

	draining bool
	failures [3]func() []byte // what a probe that fails answers in text
}

func (r *Registry) summary(now time.Time) *summary {
	version := r.version.Load() // before the results, so that a change in between makes this one outdated
	if s := r.known.Load(); s != nil && s.version == version && (s.until.IsZero() || now.Before(s.until)) {
		return s
	}
	s := summarise(*r.entries.Load(), *r.windows.Load(), now)
	s.version = version
	s.draining = r.draining.Load()
	if s.draining {
		s.probes[probeIndex(Readiness)] = StateUnhealthy
	}
	for i, p := range [3]Probe{Liveness, Readiness, Startup} {
		s.failures[i] = sync.OnceValue(func() []byte {
			a := answer{probe: p, summary: s, verdict: s.probes[i], results: s.of(p), verbose: true}
			a.abridge()
			return a.text()
		})
	}
	r.known.Store(s)
	return s
}

func summarise(entries []*entry, windows []*window, now time.Time) *summary {
	s := &summary{probes: [3]State{StateHealthy, StateHealthy, StateHealthy}}
	s.results = make([]*Result, len(entries))
	for i, e := range entries {
		latest := e.latest.Load()
		s.holdUntil(latest.expires, now)
		result := latest.at(now)
		s.results[i] = result
		for _, p := range [3]Probe{Liveness, Readiness, Startup} {
			if result.Probes&p != 0 {
				s.probes[probeIndex(p)] = worst(s.probes[probeIndex(p)], result.weight(p))
			}
		}
	}
	for _, w := range windows {
		s.holdUntil(w.until, now)
	}
	s.roots = roots(s.results)
	for i, result := range s.results {
		s.results[i] = result.mutedBy(s.roots[result.Name], reasonOf(windows, result.Name, now))
	}
	return s
}

// holdUntil has s made anew at that time, unless that is past.
func (s *summary) holdUntil(end, now time.Time) {
	if end.After(now) && (s.until.IsZero() || end.Before(s.until)) {
		s.until = end
	}
}

// mutedBy returns r with the reasons why nobody needs to be told of it.
func (r *Result) mutedBy(root, maintenance string) *Result {
	if root == "" && maintenance == "" {
		return r
	}
	muted := *r
	muted.SuppressedBy, muted.Maintenance = root, maintenance
	return &muted
}

// of returns the results that the probe asks for.
func (s *summary) of(p Probe) []*Result {
	results := make([]*Result, 0, len(s.results))
	for _, r := range s.results {
		if r.Probes&p != 0 {
			results = append(results, r)
		}
	}
	return results
}

func probeIndex(p Probe) int {
	switch p {
	case Liveness:
		return 0
	case Readiness:
		return 1
	default:
		return 2
	}
}

// readings returns the entries and, at the same index, their results as of now.
func (r *Registry) readings(now time.Time) ([]*entry, []*Result) {
	entries, s, windows := *r.entries.Load(), r.summary(now), *r.windows.Load()
	results := make([]*Result, len(entries))
	for i, e := range entries {
		results[i] = e.latest.Load().at(now)
		root := ""
		if results[i].failing() { // what the summary knew may be over
			root = s.roots[e.check.Name]
		}
		results[i] = results[i].mutedBy(root, reasonOf(windows, e.check.Name, now))
	}
	return entries, results
}
