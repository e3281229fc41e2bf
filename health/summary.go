package health

import "time"

// A summary is what follows from all results together. It is made anew when
// one of them changes or expires, so that a probe costs the same for ten checks
// as for ten thousand. It is never changed.
type summary struct {
	version uint64
	until   time.Time // when the next result expires; zero: never
	service State
	probes  [3]State          // by the bit of the probe
	roots   map[string]string // a check and the one whose failure explains its own
}

func (r *Registry) summary(now time.Time) *summary {
	version := r.version.Load() // before the results, so that a change in between makes this one outdated
	if s := r.known.Load(); s != nil && s.version == version && (s.until.IsZero() || now.Before(s.until)) {
		return s
	}
	s := summarise(*r.entries.Load(), now)
	s.version = version
	if r.draining.Load() {
		s.probes[probeIndex(Readiness)] = StateUnhealthy
	}
	r.known.Store(s)
	return s
}

func summarise(entries []*entry, now time.Time) *summary {
	s := &summary{service: StateHealthy, probes: [3]State{StateHealthy, StateHealthy, StateHealthy}}
	results := make([]*Result, len(entries))
	for i, e := range entries {
		latest := e.latest.Load()
		if expires := latest.expires; expires.After(now) && (s.until.IsZero() || expires.Before(s.until)) {
			s.until = expires
		}
		result := latest.at(now)
		results[i] = result
		s.service = worst(s.service, result.weight(0))
		for _, p := range [3]Probe{Liveness, Readiness, Startup} {
			if result.Probes&p != 0 {
				s.probes[probeIndex(p)] = worst(s.probes[probeIndex(p)], result.weight(p))
			}
		}
	}
	s.roots = roots(results)
	return s
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
		root, maintenance := s.roots[e.check.Name], reasonOf(windows, e.check.Name, now)
		if root == "" && maintenance == "" {
			continue
		}
		muted := *results[i]
		muted.SuppressedBy, muted.Maintenance = root, maintenance
		results[i] = &muted
	}
	return entries, results
}
