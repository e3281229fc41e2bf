package store

import "time"

// Summary is the state of everything in a few figures.
type Summary struct {
	AsOf      time.Time  `json:"as_of"`
	Service   string     `json:"service"` // service.name, empty before the first telemetry
	Version   string     `json:"version"`
	Instance  string     `json:"instance"`
	Started   time.Time  `json:"started"` // when the console was made
	State     string     `json:"state"`   // of the service: healthy, degraded, unhealthy, unknown
	Checks    int        `json:"checks"`
	Unhealthy int        `json:"checks_not_healthy"`
	Running   int        `json:"operations_running"`
	Failed    uint64     `json:"spans_failed"`             // since the start, as is the next
	Problems  uint64     `json:"logs_warnings_and_errors"` // events included
	MetricsAt *time.Time `json:"metrics_as_of"`            // null before the first collection
	Bytes     int        `json:"bytes"`
	MaxBytes  int        `json:"max_bytes"`
	Store     []Usage    `json:"store"`
	Resource  Attributes `json:"resource"`
	Panics    uint64     `json:"metric_callback_panics"`
}

// Summary returns the state of everything in a few figures.
func (st *Store) Summary() Summary {
	health := st.Health()
	s := Summary{
		AsOf: time.Now(), Started: st.started, State: health.State, Checks: len(health.Checks),
		Running: st.Operations(MaxLimit).Running, Store: st.Usage(), Resource: st.identity.attributes(),
		Panics: st.panics.Load(),
	}
	for _, check := range health.Checks {
		if check.State != StateHealthy {
			s.Unhealthy++
		}
	}
	s.Failed = st.spans.failed.Load()
	s.Problems = st.logs.alarms.Load()
	s.Service, s.Version = s.Resource.Get("service.name"), s.Resource.Get("service.version")
	s.Instance = s.Resource.Get("service.instance.id")
	if at := st.metrics.collectedAt(); !at.IsZero() {
		s.MetricsAt = &at
	}
	for _, u := range s.Store {
		s.Bytes += u.Bytes
		s.MaxBytes += u.MaxBytes
	}
	return s
}

// Started returns when the console was made, as the program started, and which
// version that is, empty when it is not known.
func (st *Store) Started() (at time.Time, version string) {
	return st.started, st.identity.attributes().Get("service.version")
}

// Usage returns what every part of the store holds.
func (st *Store) Usage() []Usage {
	return append(append(st.spans.usage(), st.logs.usage()...),
		st.metrics.usage(), st.operations.usage(), st.health.usage())
}

func (m *metricStore) collectedAt() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// Signals tells which signals have arrived at all.
func (s *Summary) Signals() (spans, logs, metrics bool) {
	for i, u := range s.Store {
		seen := u.Kept > 0 || u.Dropped > 0
		switch {
		case i < 5:
			spans = spans || seen
		case i < 8:
			logs = logs || seen
		}
	}
	return spans, logs, s.MetricsAt != nil
}
