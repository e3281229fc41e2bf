package e2e

import (
	"testing"
	"time"
)

// empty are panels that may show nothing after a short run in which all is well.
func empty() map[string]bool {
	return map[string]bool{
		"Failed items":                       true,
		"Share of 5xx answers":               true,
		"Wait for a thread, 99th percentile": true, // the runtime is read every 15 s
	}
}

// checkDashboards runs every query of every dashboard on what Prometheus'
// receiver stored since began: each name exists, each panel has something to
// show.
func checkDashboards(t *testing.T, s *stack, began time.Time) {
	t.Helper()
	names := s.prometheus.names(t)
	for _, file := range dashboardFiles(t) {
		for _, q := range queries(loadDashboard(t, file)) {
			for _, name := range metricNames(t, q.expr) {
				if !names[name] {
					t.Errorf("%q asks for %s, which nobody emitted", q.panel, name)
				}
			}
			series, err := s.prometheus.query(t.Context(), q.expr, began)
			if err != nil {
				t.Errorf("%q: %v", q.panel, err)
			}
			if series == 0 && !empty()[q.panel] {
				t.Errorf("%q shows nothing: %s", q.panel, q.expr)
			}
		}
	}
}
