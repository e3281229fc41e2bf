package faultcases

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/health"
)

// dependency is something that the service calls.
type dependency struct {
	check, system, address, namespace string
	names                             []string // of calls
	base                              float64  // seconds
	critical                          bool

	failing, slow, slowShare float64
	hangs, answersCheck      bool
	optional                 bool // who calls it does without
	text                     string

	port   int
	serves *endpoint // of the service itself, which it is then
}

// display is every name that an answer may use.
func (d *dependency) display() []string {
	return []string{d.check, d.address, d.system, d.system + " " + d.namespace, d.namespace}
}

func (d *dependency) attributes() []attribute.KeyValue {
	if d.system == "" {
		return []attribute.KeyValue{attribute.String("server.address", d.address), attribute.Int("server.port", cmp.Or(d.port, 8080)), attribute.String("http.request.method", "POST")}
	}
	return []attribute.KeyValue{
		attribute.String("db.system.name", d.system), attribute.String("server.address", d.address), attribute.String("db.namespace", d.namespace),
	}
}

// call is one use of a dependency by an endpoint.
type call struct {
	dep  *dependency
	name string
	n    int // times in a row
}

// endpoint is what the service serves.
type endpoint struct {
	name    string
	kind    trace.SpanKind
	calls   []call
	rate    float64 // a second
	base    float64 // seconds of its own
	failing float64 // of itself
	text    string
	slow    float64 // factor of its own time
	waits   float64 // seconds before its calls
	bimodal bool
	lock    bool
	free    time.Time // when the lock is free
	leak    bool      // a span below it is never ended
	mute    bool      // logs nothing
	panics  float64   // share of its requests
	told    bool      // by what recovers, else the SDK alone sees them
	records bool      // errors as exceptions
	queued  bool      // tells of the time before it began, by a clock that is a little ahead
}

// build makes the service: its dependencies, checks and endpoints.
func (w *world) build() {
	all := []*dependency{
		{check: "postgres", system: "postgresql", address: "pg-1.internal", namespace: "shop", names: []string{"SELECT orders", "INSERT orders", "SELECT users"}, base: 0.004, critical: true},
		{check: "redis", system: "redis", address: "cache-7.internal", namespace: "0", names: []string{"GET", "SETEX"}, base: 0.0008},
		{check: "payments", address: "payments.example.com", names: []string{"POST /charge"}, base: 0.08},
		{check: "inventory", address: "inventory.svc", names: []string{"GET /stock"}, base: 0.03},
		{check: "search", address: "search.svc", names: []string{"POST /query"}, base: 0.05},
	}
	w.rng.Shuffle(len(all)-1, func(i, j int) { all[1+i], all[1+j] = all[1+j], all[1+i] })
	w.deps = all[:3+w.rng.IntN(3)]
	for _, d := range w.deps {
		d.base *= 0.5 + w.rng.Float64()
		d.text = "connection refused"
		err := w.checks.Register(health.Check{
			Name: d.check, Critical: d.critical, Interval: 15 * time.Second,
			Func: func(context.Context) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				return d.state()
			},
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	routes := []string{"GET /orders", "POST /orders", "GET /users/{id}", "GET /cart", "POST /checkout", "GET /items"}
	w.rng.Shuffle(len(routes), func(i, j int) { routes[i], routes[j] = routes[j], routes[i] })
	for i, route := range routes[:3+w.rng.IntN(4)] {
		e := &endpoint{name: route, kind: trace.SpanKindServer, rate: 0.4 + 1.2*w.rng.Float64(), base: 0.002 + 0.02*w.rng.Float64(), slow: 1}
		e.use(w, w.deps[i%len(w.deps)])
		if i != 0 && w.rng.IntN(2) == 0 {
			e.use(w, w.deps[0])
		}
		w.endpoints = append(w.endpoints, e)
	}
	w.ledger = newLedger()
}

func (e *endpoint) use(w *world, d *dependency) {
	e.calls = append(e.calls, call{d, d.names[w.rng.IntN(len(d.names))], 1})
}

// state is what the dependency's check finds.
func (d *dependency) state() error {
	if (d.failing < 0.5 && !d.hangs) || d.answersCheck {
		return nil
	}
	return fmt.Errorf("dial tcp %s: %w", d.address, errors.New(d.text))
}

// plan is a request whose times are settled.
type plan struct {
	e          *endpoint
	start, end time.Time
	calls      []planned
	err        string
	panics     bool
}

type planned struct {
	call
	start, end time.Time
	err        string
	hangs      bool
}

func (w *world) lognormal(base, sigma float64) time.Duration {
	return time.Duration(base * math.Exp(sigma*w.rng.NormFloat64()) * float64(time.Second))
}

// requests plans what comes in within a second, and emits what is due.
func (w *world) requests() {
	now := time.Now()
	for _, e := range w.endpoints {
		rate := e.rate * w.load * (1 + w.wave*math.Sin(float64(w.now)/60))
		for n := rate; n > 0; n-- {
			if n >= 1 || w.rng.Float64() < n {
				w.due = append(w.due, w.plan(e, now.Add(time.Duration(w.rng.Float64()*float64(time.Second)))))
			}
		}
	}
	w.due = slices.DeleteFunc(w.due, func(p *plan) bool {
		if p.end.After(now) && !p.hangs() {
			return false
		}
		w.emit(p)
		return true
	})
}

func (p *plan) hangs() bool {
	return slices.ContainsFunc(p.calls, func(c planned) bool { return c.hangs })
}

func (w *world) plan(e *endpoint, start time.Time) *plan {
	p := &plan{e: e, start: start}
	at := start.Add(w.lognormal(e.base*e.slow, 0.4) + time.Duration(e.waits*(0.5+w.rng.Float64())*float64(time.Second)))
	if e.bimodal && w.rng.IntN(3) == 0 {
		at = at.Add(400 * time.Millisecond)
	}
	if e.lock {
		if e.free.After(at) {
			at = e.free
		}
	}
	for _, c := range e.calls {
		for range c.n {
			q := planned{call: c, start: at, hangs: c.dep.hangs}
			factor, base, failing := 1.0, c.dep.base, c.dep.failing
			if s := c.dep.serves; s != nil {
				base, failing, c.dep.text = s.base*s.slow, s.failing, s.text
			}
			if c.dep.slow > 0 && w.rng.Float64() < c.dep.slowShare {
				factor = c.dep.slow
			}
			at = at.Add(w.lognormal(base*factor, 0.4))
			q.end = at
			if w.rng.Float64() < failing {
				q.err = c.dep.text
				if !c.dep.optional {
					p.err = c.name + ": " + q.err
				}
			}
			p.calls = append(p.calls, q)
			if q.hangs || q.err != "" {
				break
			}
		}
	}
	if e.lock {
		e.free = at
	}
	p.end = at.Add(time.Millisecond)
	if w.rng.Float64() < e.failing {
		p.err = e.text
	}
	p.panics = e.panics > 0 && w.rng.Float64() < e.panics
	return p
}

// emit makes the spans and logs of a request.
func (w *world) emit(p *plan) {
	ctx, root := w.rig.Span(w.t.Context(), p.e.name, trace.WithSpanKind(p.e.kind), trace.WithTimestamp(p.start.Add(w.ahead)))
	for _, c := range p.calls {
		ctx, s := w.rig.Span(ctx, c.name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(c.start.Add(w.ahead)), trace.WithAttributes(c.dep.attributes()...))
		if c.hangs {
			return // neither ends
		}
		if e := c.dep.serves; e != nil {
			_, served := w.rig.Span(ctx, e.name, trace.WithSpanKind(e.kind), trace.WithTimestamp(c.start.Add(w.ahead)))
			fail(served, c.err)
			served.End(trace.WithTimestamp(c.end.Add(w.ahead)))
		}
		fail(s, c.err)
		s.End(trace.WithTimestamp(c.end.Add(w.ahead)))
	}
	if p.e.leak {
		w.rig.Span(ctx, "render "+p.e.name, trace.WithTimestamp(p.start))
	}
	if p.e.queued {
		_, s := w.rig.Span(ctx, "wait in queue", trace.WithTimestamp(p.start.Add(-20*time.Second)))
		s.End(trace.WithTimestamp(p.start))
		_, s = w.rig.Span(ctx, "answer from the cache", trace.WithTimestamp(p.start.Add(20*time.Second)))
		s.End(trace.WithTimestamp(p.start.Add(20 * time.Second)))
	}
	if p.e.records && p.err != "" {
		root.RecordError(errors.New(p.err))
	}
	if p.panics {
		panicked(root, p.e.told)
	} else if p.err != "" {
		fail(root, p.err)
		if !p.e.mute {
			w.rig.Log(ctx, log.SeverityError, "", fmt.Sprintf("%s failed for customer %d: %s", p.e.name, w.rng.IntN(10000), p.err))
		}
	}
	root.End(trace.WithTimestamp(p.end.Add(w.ahead)))
}

// fail marks a span when there is an error.
func fail(s trace.Span, err string) {
	if err != "" {
		s.SetStatus(codes.Error, err)
	}
}
