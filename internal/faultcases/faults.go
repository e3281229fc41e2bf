package faultcases

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/health"
)

// All returns the catalogue. The last case is that nothing is wrong.
func All() []Case {
	return append(judgement(), []Case{
		{Name: "dependency down", inject: func(w *world) { w.down(w.any()) }},
		{Name: "dependency down, without a check", inject: func(w *world) {
			d := w.any()
			w.down(d)
			d.answersCheck = true
		}},
		{Name: "dependency down, seen by its check alone", inject: checkAlone},
		{Name: "dependency down from the start", inject: func(w *world) { w.onset = 0; w.down(w.any()) }},
		{Name: "dependency hangs", inject: hangs},
		{Name: "dependency slow", inject: func(w *world) { w.slow(w.any(), 1) }},
		{Name: "dependency slow at times", inject: func(w *world) { w.slow(w.any(), 0.4) }},
		{Name: "dependency down in a flood", inject: func(w *world) { w.down(w.any()) }, flood: true},
		{Name: "dependency slow in a flood", inject: func(w *world) { w.slow(w.any(), 1) }, flood: true},
		{Name: "endpoint slow in a flood", inject: endpointSlow, flood: true},
		{Name: "nothing in a flood", inject: func(*world) {}, flood: true},
		{Name: "n+1 queries", inject: nPlusOne},
		{Name: "pool exhausted", inject: poolExhausted},
		{Name: "slow database exhausts the pool", inject: slowPool},
		{Name: "lock held over I/O", inject: heldLock},
		{Name: "goroutine leak", inject: leak},
		{Name: "memory growth", inject: growth},
		{Name: "CPU spin", inject: spin},
		{Name: "queue backlog", inject: backlog},
		{Name: "bulk stalled", inject: bulkStalled},
		{Name: "bulk error burst", inject: bulkErrors},
		{Name: "bulk operation fails with its dependency", inject: bulkVictim},
		{Name: "disk full", inject: diskFull},
		{Name: "disk full, seen by errors alone", inject: diskErrors},
		{Name: "exporter down", inject: exporterDown},
		{Name: "exporter refused", inject: exporterRefused},
		{Name: "flapping", inject: flapping},
		{Name: "cascade with a louder victim", inject: cascade},
		{Name: "endpoint fails", inject: endpointFails},
		{Name: "endpoint slow", inject: endpointSlow},
		{Name: "spans never ended", inject: neverEnded},
		{Name: "two at once: dependency and queue", inject: func(w *world) { w.down(w.any()); backlog(w) }},
		{Name: "two at once: endpoint and memory", inject: func(w *world) { endpointFails(w); growth(w) }},
		{Name: "two at once: dependency and operation", inject: func(w *world) { w.slow(w.any(), 1); bulkStalled(w) }},
		Nothing(),
	}...)
}

// Nothing is the case in which nothing is wrong.
func Nothing() Case { return Case{Name: "nothing", inject: func(*world) {}} }

func (w *world) any() *dependency {
	used := w.endpoints[w.rng.IntN(len(w.endpoints))]
	return used.calls[w.rng.IntN(len(used.calls))].dep
}

func (w *world) endpoint() *endpoint { return w.endpoints[w.rng.IntN(len(w.endpoints))] }

func (w *world) down(d *dependency) {
	d.text = []string{"connection refused", "dial tcp: i/o timeout", "no such host", "503 Service Unavailable"}[w.rng.IntN(4)]
	share := 0.9 + 0.1*w.rng.Float64()
	w.expect("dependency_down", d.display()...)
	w.from(func(int) { d.failing = share })
}

func (w *world) slow(d *dependency, share float64) {
	factor := max(8, 0.2/d.base) * (1 + w.rng.Float64())
	w.expect("dependency_slow", d.display()...)
	w.from(func(int) { d.slow, d.slowShare = factor, share })
}

// early leaves time to what needs it to be seen.
func (w *world) early() { w.onset = min(w.onset, w.seconds-200-w.rng.IntN(60)) }

// register adds a check of the case's own.
func (w *world) register(c health.Check) {
	fn := c.Func
	c.Func = func(ctx context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		return fn(ctx)
	}
	if err := w.checks.Register(c); err != nil {
		w.t.Fatal(err)
	}
}

// checkAlone is a dependency of which no span tells.
func checkAlone(w *world) {
	bad := false
	name := []string{"ldap", "smtp", "kafka", "licence-server"}[w.rng.IntN(4)]
	w.register(health.Check{Name: name, Critical: w.rng.IntN(2) == 0, Func: func(context.Context) error {
		if bad {
			return fmt.Errorf("dial tcp %s.internal:1234: connect: connection refused", name)
		}
		return nil
	}})
	w.expect("dependency_down", name)
	w.from(func(int) { bad = true })
}

func hangs(w *world) {
	d := w.any()
	w.expect("dependency_down", d.display()...)
	w.from(func(second int) { d.hangs = second < 100 }) // then all callers are stuck
	for _, e := range w.endpoints {
		if slices.ContainsFunc(e.calls, func(c call) bool { return c.dep == d }) {
			w.from(func(second int) {
				if second == 100 {
					e.rate = 0
				}
			})
		}
	}
	if w.rng.IntN(2) == 0 {
		d.answersCheck = true
	}
}

func nPlusOne(w *world) {
	e := w.endpoint()
	e.calls = nil
	e.use(w, w.deps[0])
	n := 15 + w.rng.IntN(40)
	e.base = 0.003
	if w.rng.IntN(2) == 0 {
		w.onset = 0
	}
	w.expect("n_plus_one", e.name)
	w.from(func(int) { e.calls[0].n = n })
}

func poolExhausted(w *world) {
	p := w.pool()
	for _, e := range w.endpoints {
		if slices.ContainsFunc(e.calls, func(c call) bool { return c.dep == w.deps[0] }) {
			w.from(func(int) { e.waits = 1.5 })
		}
	}
	w.expect("pool_exhausted", p.name)
	w.from(func(int) { p.used, p.wait = p.max, 3+float64(w.rng.IntN(8)) })
}

func (w *world) pool() *pool {
	p := &pool{name: w.deps[0].namespace, used: 2, max: float64(5 + w.rng.IntN(20))}
	w.pools = append(w.pools, p)
	return p
}

func slowPool(w *world) {
	p, d := w.pool(), w.deps[0]
	w.slow(d, 1)
	w.from(func(second int) {
		if second > 20 {
			p.used, p.wait = p.max, 2+float64(w.rng.IntN(8))
		}
	})
}

func heldLock(w *world) {
	e := w.endpoint()
	e.calls = e.calls[:1]
	e.rate = 6
	io := e.calls[0].dep
	io.base = 0.15
	w.expect("lock_contention", e.name)
	w.from(func(int) { e.lock = true })
}

func leak(w *world) {
	w.early()
	rate := 1 + w.rng.IntN(3)
	w.expect("goroutine_leak", "goroutines")
	w.from(func(int) {
		for range rate {
			go func() { <-w.blocked }()
		}
	})
}

func growth(w *world) {
	w.early()
	size := (500 + w.rng.IntN(500)) << 10
	w.expect("memory_growth", "memory")
	w.from(func(int) { w.held = append(w.held, make([]byte, size)) })
}

func spin(w *world) {
	w.expect("cpu_saturated", "cpu")
	w.from(func(int) {
		w.cpu = 3.9
		for _, e := range w.endpoints {
			e.slow = 6
		}
		for _, d := range w.deps {
			d.slow, d.slowShare = 6, 1
		}
	})
}

func backlog(w *world) {
	w.early()
	q := &queue{name: []string{"emails", "invoices", "thumbnails"}[w.rng.IntN(3)], base: 20 * w.rng.Float64()}
	w.queues = append(w.queues, q)
	rate := 0.5 + 2*w.rng.Float64()
	w.expect("queue_backlog", q.name)
	w.from(func(int) { q.grows = rate })
}

func (w *world) job(rate int) *job {
	j := &job{name: []string{"import.users", "reindex", "export.orders"}[w.rng.IntN(3)], rate: rate, from: w.onset / 4, text: "duplicate key"}
	w.jobs = append(w.jobs, j)
	return j
}

func bulkStalled(w *world) {
	j := w.job(5 + w.rng.IntN(20))
	w.expect("bulk_stalled", j.name)
	w.from(func(int) { j.stalled = true })
}

func bulkErrors(w *world) {
	j := w.job(5 + w.rng.IntN(20))
	j.failing = 0.01
	share := 0.2 + 0.6*w.rng.Float64()
	w.expect("bulk_errors", j.name)
	w.from(func(int) { j.failing = share })
}

func bulkVictim(w *world) {
	j, d := w.job(10), w.deps[0]
	w.down(d)
	j.text = "write row: " + d.names[0] + ": " + d.text
	w.from(func(int) { j.failing = 0.9 })
}

func diskFull(w *world) {
	bad := false
	w.register(health.Check{Name: "disk", Critical: w.rng.IntN(2) == 0, Func: func(context.Context) error {
		if bad {
			return errors.New("disk space of /data: 4096 bytes (0.0 %) free")
		}
		return nil
	}})
	e := w.endpoint()
	e.text = "write /data/upload.tmp: no space left on device"
	w.expect("disk_full", "disk")
	w.from(func(int) { bad, e.failing = true, 0.8 })
}

func diskErrors(w *world) {
	e := w.endpoint()
	e.text = "write /data/upload.tmp: no space left on device"
	w.expect("disk_full", e.name)
	w.from(func(int) { e.failing = 0.8 })
}

func exporterDown(w *world) {
	w.expect("telemetry_stuck", "default")
	w.from(func(int) { w.ledger.down = true })
}

func exporterRefused(w *world) {
	w.expect("telemetry_lost", "default")
	w.from(func(int) { w.ledger.refuses = true })
}

func flapping(w *world) {
	bad, n := false, 0
	name := []string{"ldap", "smtp", "quota"}[w.rng.IntN(3)]
	w.register(health.Check{Name: name, Interval: 5 * time.Second, Critical: w.rng.IntN(2) == 0, Func: func(context.Context) error {
		if n++; bad && n%2 == 0 {
			return errors.New("connection reset by peer")
		}
		return nil
	}})
	w.quiet = true
	w.expect("check_flapping", name)
	w.from(func(int) { bad = true })
}

// cascade is a database that fails rarely asked and quietly, and victims that
// say so loudly, one of which has a critical check.
func cascade(w *world) {
	d := w.deps[1+w.rng.IntN(len(w.deps)-1)]
	for _, e := range w.endpoints {
		e.use(w, d)
	}
	w.down(d)
	victim := false
	w.register(health.Check{Name: "storefront", Critical: true, DependsOn: []string{d.check}, Interval: 10 * time.Second, Func: func(context.Context) error {
		if victim {
			return errors.New("too many requests fail")
		}
		return nil
	}})
	w.from(func(second int) {
		victim = second > 20
		for range 10 {
			w.rig.Log(w.t.Context(), log.SeverityError, "", fmt.Sprintf("storefront: request %d failed", w.rng.IntN(1e6)))
		}
	})
}

func endpointFails(w *world) {
	e := w.endpoint()
	e.rate += 0.5
	e.text = []string{"invalid memory address or nil pointer dereference", "template: missing key", "unexpected end of JSON input"}[w.rng.IntN(3)]
	share := 0.3 + 0.6*w.rng.Float64()
	w.expect("error_rate", e.name)
	w.from(func(int) { e.failing = share })
}

func endpointSlow(w *world) {
	e := w.endpoint()
	e.rate += 0.5
	factor := max(10, 0.3/e.base)
	w.expect("latency", e.name)
	w.from(func(int) { e.slow = factor })
}

func neverEnded(w *world) {
	w.early()
	e := w.endpoint()
	w.expect("spans_never_ended", "render "+e.name)
	w.from(func(int) { e.leak = true })
}

// distract adds what looks bad and is innocent.
func (w *world) distract() {
	sorts := []func(*world){
		func(w *world) { // a flood of errors that mean nothing
			w.noise = append(w.noise, func(int) {
				for range 1 + w.rng.IntN(8) {
					w.rig.Log(w.t.Context(), log.SeverityError, "", fmt.Sprintf("ad server: no banner for slot %d", w.rng.IntN(1000)))
				}
			})
		},
		func(w *world) { // warnings of what is tried again and works
			w.noise = append(w.noise, func(int) {
				if w.rng.IntN(3) == 0 {
					w.rig.Log(w.t.Context(), log.SeverityWarn, "", fmt.Sprintf("retry %d of upload %d", w.rng.IntN(3), w.rng.IntN(1000)), attribute.Int("n", w.rng.IntN(9)))
				}
			})
		},
		func(w *world) { // always slow
			w.endpoints = append(w.endpoints, &endpoint{name: "GET /report", kind: trace.SpanKindServer, rate: 0.5, base: 3, slow: 1})
		},
		func(w *world) { // always fails a little
			w.endpoints = append(w.endpoints, &endpoint{
				name: "GET /avatar", kind: trace.SpanKindServer, rate: 2, base: 0.01, slow: 1, failing: 0.02 + 0.06*w.rng.Float64(), text: "no avatar", records: true,
			})
		},
		func(w *world) { // fast or slow by nature, of times before and after its own
			w.endpoints = append(w.endpoints, &endpoint{name: "GET /thumbnail", kind: trace.SpanKindServer, rate: 1, base: 0.005, slow: 1, bimodal: true, queued: true})
		},
		func(w *world) { w.wave = 0.5 }, // load comes and goes
		func(w *world) { // more load from the middle on
			w.noise = append(w.noise, func(second int) {
				if second == w.seconds/2 {
					w.load *= 1.7
				}
			})
		},
		func(w *world) { w.held = append(w.held, make([]byte, 40<<20)) }, // much memory, steadily
		func(w *world) {
			w.queues = append(w.queues, &queue{name: "batch", base: 50, sawtooth: true}, &queue{name: "audit", base: 800})
		},
		func(w *world) { // a few items fail, as ever
			w.jobs = append(w.jobs, &job{name: "sync.stock", rate: 4, failing: 0.03, text: "unknown article", from: 5})
		},
	}
	if len(w.expected) > 0 && !w.quiet && w.rng.IntN(3) == 0 { // a check nobody minds, which is told of, but last
		n := 0
		w.register(health.Check{Name: "beta-feature", Interval: 5 * time.Second, Func: func(context.Context) error {
			if n++; n%2 == 0 {
				return errors.New("no licence")
			}
			return nil
		}})
	}
	w.rng.Shuffle(len(sorts), func(i, j int) { sorts[i], sorts[j] = sorts[j], sorts[i] })
	for _, add := range sorts[:2+w.rng.IntN(4)] {
		add(w)
	}
}
