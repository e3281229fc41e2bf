package faultcases

import (
	"context"
	"math/rand/v2"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// pool is a pool of connections.
type pool struct {
	name            string
	used, max, wait float64
}

// queue is a queue inside or outside of the service.
type queue struct {
	name     string
	depth    float64
	base     float64
	grows    float64 // a second
	sawtooth bool
}

func (q *queue) tick(second int, rng *rand.Rand) {
	q.base += q.grows
	q.depth = q.base * (0.8 + 0.4*rng.Float64())
	if q.sawtooth {
		q.depth += 8 * float64(second%60)
	}
}

// ledger is what package exporters counts for one destination.
type ledger struct {
	created, delivered, dropped, pending map[string]float64
	age                                  float64
	down, refuses                        bool
}

func newLedger() ledger {
	return ledger{map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}, 0, false, false}
}

func signals() []string { return []string{"traces", "metrics", "logs"} }

func (l *ledger) tick(rng *rand.Rand) {
	for _, s := range signals() {
		made := float64(5 + rng.IntN(10))
		l.created[s] += made
		l.pending[s] += made
		switch {
		case l.refuses:
			l.dropped[s] += l.pending[s]
			l.pending[s] = 0
		case !l.down:
			l.delivered[s] += l.pending[s]
			l.pending[s] = 0
		}
	}
	if l.age++; !l.down {
		l.age = 0
	}
}

// observe makes the metrics that package otelmon and instrumented pools emit.
func (w *world) observe() {
	m, x := w.rig.Meter(), w.rig.MP.Meter(keys.ScopeExporters)
	w.gauge(m, "go.processor.limit", func(see func(float64, ...attribute.KeyValue)) { see(4) })
	w.counter(m, "process.cpu.time", func(see func(float64, ...attribute.KeyValue)) {
		see(0.8*w.cpuSum, attribute.String("cpu.mode", "user"))
		see(0.2*w.cpuSum, attribute.String("cpu.mode", "system"))
	})
	w.gauge(m, "db.client.connection.count", func(see func(float64, ...attribute.KeyValue)) {
		for _, p := range w.pools {
			see(p.used, attribute.String("db.client.connection.pool.name", p.name), attribute.String("db.client.connection.state", "used"))
			see(p.max-p.used, attribute.String("db.client.connection.pool.name", p.name), attribute.String("db.client.connection.state", "idle"))
		}
	})
	w.gauge(m, "db.client.connection.max", func(see func(float64, ...attribute.KeyValue)) {
		for _, p := range w.pools {
			see(p.max, attribute.String("db.client.connection.pool.name", p.name))
		}
	})
	w.gauge(m, "db.client.connection.pending_requests", func(see func(float64, ...attribute.KeyValue)) {
		for _, p := range w.pools {
			see(p.wait, attribute.String("db.client.connection.pool.name", p.name))
		}
	})
	w.gauge(m, "queue.depth", func(see func(float64, ...attribute.KeyValue)) {
		for _, q := range w.queues {
			see(q.depth, attribute.String("queue.name", q.name))
		}
	})
	l := &w.ledger
	of := func(s string) []attribute.KeyValue {
		return []attribute.KeyValue{attribute.String(keys.TelemetryDestination, "default"), attribute.String(keys.TelemetrySignal, s)}
	}
	each := func(v func(string) float64) func(func(float64, ...attribute.KeyValue)) {
		return func(see func(float64, ...attribute.KeyValue)) {
			for _, s := range signals() {
				see(v(s), of(s)...)
			}
		}
	}
	w.counter(x, keys.TelemetryCreated, each(func(s string) float64 { return l.created[s] }))
	w.counter(x, keys.TelemetryDelivered, each(func(s string) float64 { return l.delivered[s] }))
	w.gauge(x, keys.TelemetryPending, each(func(s string) float64 { return l.pending[s] }))
	w.gauge(x, keys.TelemetryPendingAge, each(func(string) float64 { return l.age }))
	w.counter(x, keys.TelemetryDropped, func(see func(float64, ...attribute.KeyValue)) {
		for _, s := range signals() {
			see(l.dropped[s], append(of(s), attribute.String(keys.TelemetryDropReason, "rejected"))...)
		}
	})
}

func (w *world) gauge(m metric.Meter, name string, read func(func(float64, ...attribute.KeyValue))) {
	if _, err := m.Float64ObservableGauge(name, metric.WithFloat64Callback(w.callback(read))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) counter(m metric.Meter, name string, read func(func(float64, ...attribute.KeyValue))) {
	if _, err := m.Float64ObservableCounter(name, metric.WithFloat64Callback(w.callback(read))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) callback(read func(func(float64, ...attribute.KeyValue))) metric.Float64Callback {
	return func(_ context.Context, o metric.Float64Observer) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		read(func(v float64, attrs ...attribute.KeyValue) { o.Observe(v, metric.WithAttributes(attrs...)) })
		return nil
	}
}
