package faults

import (
	"context"
	"net/http"
	"net/http/httptest"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// A library is one column.
type library struct {
	title string
	open  func(spec) *service

	// stopEarly stops what was never started; nil: there is neither.
	stopEarly func()

	// listen opens a service with a listener that asks the library something
	// and calls told then; nil: there are no listeners.
	listen func(c check, told func()) *service

	metrics bool
}

func libraries() []library {
	return []library{
		otelmonHealth(),
		alexliesenfeld("alexliesenfeld v0.8.0, WithCheck", onRequest),
		alexliesenfeld("alexliesenfeld v0.8.0, WithPeriodicCheck", periodic),
		hellofresh(),
	}
}

// A spec says what to open in the terms that all libraries share. What a
// library has no setting for, it is not told.
type spec struct {
	checks []check
	every  time.Duration        // between two executions, unless a probe is what executes
	cache  time.Duration        // how long an answer is reused, where a probe executes
	shared time.Duration        // a timeout given once for all checks, not by each one
	meters metric.MeterProvider // where ours has its metrics
}

type check struct {
	name     string
	do       func(context.Context) error
	timeout  time.Duration
	optional bool // its failure is not the service's
}

// A service is an opened library.
type service struct {
	handler http.Handler
	up      func(name string) bool // what its answers say of one check
	stop    func()
}

func (s *service) probe() *httptest.ResponseRecorder { return get(s.handler, "/readyz") }

func (s *service) code() int { return s.probe().Code }

// settle waits until the service has said that it is well.
func (s *service) settle() {
	await(func() bool { return s.code() == http.StatusOK })
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	return getWith(context.Background(), h, path)
}

func getWith(ctx context.Context, h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
	return w
}

// getAs returns the body of an answer in the given format.
func getAs(h http.Handler, path, accept string) string {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

func pass(context.Context) error { return nil }

// A trap is a check that hangs while it is set, whatever its context says.
type trap struct {
	set      chan struct{} // closed: hang
	released chan struct{}
}

func newTrap() *trap { return &trap{set: make(chan struct{}), released: make(chan struct{})} }

func (t *trap) do(context.Context) error {
	select {
	case <-t.set:
		<-t.released
	default:
	}
	return nil
}

// await reports whether it came true before the watchdog barked.
func await(holds func() bool) bool {
	deadline := time.Now().Add(blocked)
	for !holds() {
		if time.Now().After(deadline) {
			return false
		}
		pause(time.Millisecond)
	}
	return true
}

func pause(d time.Duration) { <-time.After(d) }
