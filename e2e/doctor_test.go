package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/doctor"
)

// serveQueries answers instant queries as Prometheus' API does, from its store.
func serveQueries(t *testing.T, p *prometheusStore) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		at, err := strconv.ParseInt(r.FormValue("time"), 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		q, err := p.engine.NewInstantQuery(r.Context(), p.db, nil, r.FormValue("query"), time.Unix(at, 0))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		defer q.Close()
		vector, err := q.Exec(r.Context()).Vector()
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"result": vector}})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// diagnose runs the doctor against the stack and returns what became of the
// metric in Prometheus.
func diagnose(t *testing.T, s *stack, environ []string, arrival time.Duration) (doctor.Report, doctor.Check) {
	t.Helper()
	report := doctor.Run(t.Context(), doctor.Options{
		Environ: append(environ, "OTEL_SERVICE_NAME=patient"), Arrival: arrival,
		Prometheus: serveQueries(t, s.prometheus), Jaeger: doctor.Off, Loki: doctor.Off,
	})
	for _, signal := range []string{"traces", "metrics", "logs"} {
		if !slices.ContainsFunc(report.Checks, func(c doctor.Check) bool {
			return c.Name == doctor.CheckDelivery && c.Subject == signal && c.Verdict == doctor.OK
		}) {
			t.Errorf("the Collector did not take %s: %+v", signal, report.Checks)
		}
	}
	check, _ := find(report.Checks, func(c doctor.Check) bool { return c.Name == doctor.CheckArrival })
	return report, check
}

// TestDoctorProvesArrival: what the doctor sends passes the Collector, and it
// finds it in Prometheus.
func TestDoctorProvesArrival(t *testing.T) {
	s := startStack(t)
	for protocol, endpoint := range protocols(s) {
		t.Run(protocol, func(t *testing.T) {
			report, arrived := diagnose(t, s, append(otlp(protocol, endpoint), "OTEL_TRACES_SAMPLER=always_off"), 30*time.Second)
			if arrived.Verdict != doctor.OK || report.Err() != nil {
				t.Errorf("%+v, %v", arrived, report.Err())
			}
			s.await(t, 10*time.Second, func() error {
				if _, ok := find(s.spansOf("patient"), func(sp span) bool { return sp.TraceID().String() == report.TraceID }); !ok {
					return errors.New("the span has not left the Collector")
				}
				return nil
			})
		})
	}
}

// TestDoctorFindsACollectorThatLosesAll: it takes everything and hands it to
// somebody who forgets it.
func TestDoctorFindsACollectorThatLosesAll(t *testing.T) {
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(sink.Close)
	s := &stack{arrivals: newArrivals(), prometheus: newPrometheusStore(t)}
	s.collect(t, stores{metrics: sink.URL})
	report, lost := diagnose(t, s, otlp("http/protobuf", s.http), 2*time.Second)
	if lost.Verdict != doctor.Failed || report.Verdict != doctor.Failed || lost.Fix == "" {
		t.Errorf("%+v", lost)
	}
}
