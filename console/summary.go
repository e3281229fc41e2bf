package console

import "time"

// summary is the state of everything in a few figures.
type summary struct {
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
	Store     []usage    `json:"store"`
	Resource  attributes `json:"resource"`
	Panics    uint64     `json:"metric_callback_panics"`
}

func (c *Console) summary() summary {
	health := c.healthReport()
	s := summary{
		AsOf: time.Now(), Started: c.started, State: health.State, Checks: len(health.Checks),
		Running: c.bulkOperations(maxLimit).Running, Store: c.usage(), Resource: c.identity.attributes(),
		Panics: c.panics.Load(),
	}
	for _, check := range health.Checks {
		if check.State != stateHealthy {
			s.Unhealthy++
		}
	}
	s.Failed = c.spans.failed.Load()
	s.Problems = c.logs.alarms.Load()
	s.Service, s.Version = s.Resource.get("service.name"), s.Resource.get("service.version")
	s.Instance = s.Resource.get("service.instance.id")
	if at := c.metrics.collectedAt(); !at.IsZero() {
		s.MetricsAt = &at
	}
	for _, u := range s.Store {
		s.Bytes += u.Bytes
		s.MaxBytes += u.MaxBytes
	}
	return s
}

// usage returns every part of the store.
func (c *Console) usage() []usage {
	return append(append(c.spans.usage(), c.logs.usage()...),
		c.metrics.usage(), c.operations.usage(), c.health.usage())
}

func (m *metricStore) collectedAt() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// hasSignals tells which signals have arrived at all.
func (s *summary) hasSignals() (spans, logs, metrics bool) {
	for i, u := range s.Store {
		seen := u.Kept > 0 || u.Dropped > 0
		switch {
		case i < 4:
			spans = spans || seen
		case i < 7:
			logs = logs || seen
		}
	}
	return spans, logs, s.MetricsAt != nil
}
