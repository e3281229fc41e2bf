package faultcases

import (
	"cmp"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// judgement are the cases in which what is usual is not what is seen first, or
// last.
func judgement() []Case {
	return []Case{
		{Name: "endpoint fails for longer than spans are looked at", inject: failsForLong},
		{Name: "bulk items fail for longer than metrics are kept fine", inject: itemsFailForLong},
		{Name: "endpoint fails after a rough start", inject: func(w *world) { w.rough(); failsAtTimes(w) }},
		{Name: "nothing after a rough start", inject: func(w *world) { w.rough() }},
		{Name: "nothing yet", inject: func(w *world) { w.seconds = 150 + w.rng.IntN(60); w.rough() }},
		{Name: "calls itself", inject: func(w *world) { w.itself() }},
		{Name: "calls itself, and that fails", inject: func(w *world) {
			e := w.itself()
			e.text = "template: missing key"
			w.expect("error_rate", e.name)
			w.from(func(int) { e.failing = 0.8 })
		}},
		{Name: "neighbour on the same machine down", inject: neighbourDown},
		{Name: "panic loop", inject: func(w *world) { panics(w, true) }},
		{Name: "panic loop, recorded by the SDK alone", inject: func(w *world) { panics(w, false) }},
		{Name: "panics now and then, from the start", inject: func(w *world) {
			w.onset = 0
			panics(w, w.rng.IntN(2) == 0)
		}},
		{Name: "endpoint fails in part, from the start", inject: func(w *world) { w.onset = 0; w.failsInPart(w.endpoint()) }},
		{Name: "dependency fails in part, from the start", inject: dependencyFailsInPart},
		{Name: "two at once: dependency, and an endpoint that always fails in part", inject: func(w *world) {
			onset := w.onset
			w.onset = 0
			w.failsInPart(w.endpoints[0]) // which does not call the other
			w.onset = onset
			w.down(w.deps[2])
		}},
		{Name: "nothing, where calls may fail", inject: func(w *world) { w.mayFail() }},
		{Name: "clock ahead", inject: func(w *world) {
			w.expect("clock_skew", "clock")
			w.from(func(int) { w.ahead = 2*time.Minute + time.Duration(w.rng.IntN(3600))*time.Second })
		}},
	}
}

// failsForLong is older than a window, but younger than the statistics of names.
func failsForLong(w *world) {
	w.seconds = 2700
	w.onset = w.seconds - 60*(20+w.rng.IntN(5))
	failsAtTimes(w)
}

func failsAtTimes(w *world) {
	e := w.endpoint()
	e.rate += 0.5
	e.text = "unexpected end of JSON input"
	share := 0.32 + 0.1*w.rng.Float64()
	w.expect("error_rate", e.name)
	w.from(func(int) { e.failing = share })
}

// inPart is less than half, and more than can be usual.
func (w *world) inPart() float64 { return 0.2 + 0.25*w.rng.Float64() }

// failsInPart is a build that was broken when it was deployed.
func (w *world) failsInPart(e *endpoint) {
	e.rate += 0.5
	e.text, e.failing = "template: missing key", w.inPart()
	w.expect("error_rate", e.name)
	if w.rng.IntN(2) == 0 {
		w.mayFail()
	}
}

func dependencyFailsInPart(w *world) {
	w.onset = 0
	e := w.endpoint()
	e.rate += 0.5
	d := e.calls[w.rng.IntN(len(e.calls))].dep
	d.failing = w.inPart()
	w.expect("error_rate", d.display()...)
	if w.rng.IntN(2) == 0 {
		w.mayFail()
	}
}

// mayFail makes each endpoint ask for what is often not there, and do without.
func (w *world) mayFail() {
	d := &dependency{address: "drafts.svc", names: []string{"GET /draft"}, base: 0.01, text: "404 Not Found", failing: w.inPart(), optional: true}
	for _, e := range w.endpoints {
		e.use(w, d)
	}
}

func itemsFailForLong(w *world) {
	w.seconds = 2700
	w.onset = w.seconds - 60*(20+w.rng.IntN(5))
	j := w.job(5 + w.rng.IntN(20))
	j.failing, j.from = 0.01, 5
	share := 0.15 + 0.1*w.rng.Float64()
	w.expect("bulk_errors", j.name)
	w.from(func(int) { j.failing = share })
}

// rough is a start before what is called is there and caches are filled: calls
// fail, all is slow, and goroutines become more.
func (w *world) rough() {
	lasts, slow := 25+w.rng.IntN(25), 4+6*w.rng.Float64()
	w.noise = append(w.noise, func(second int) {
		switch second {
		case 0:
			for _, d := range w.deps {
				d.failing, d.slow, d.slowShare = 1, slow, 1
			}
			for _, e := range w.endpoints {
				e.failing, e.text = 1, cmp.Or(e.text, "not ready yet")
			}
		case lasts:
			for _, d := range w.deps {
				d.failing, d.slow = 0, 0
			}
			for _, e := range w.endpoints {
				e.failing = 0
			}
		}
		if second < lasts {
			for range 10 {
				go func() { <-w.blocked }()
			}
		}
	})
}

// itself makes an endpoint that another one calls over HTTP.
func (w *world) itself() *endpoint {
	e := &endpoint{name: "GET /internal/prices", kind: trace.SpanKindServer, base: 0.02, slow: 1}
	self := &dependency{address: "127.0.0.1", port: 8080, names: []string{"GET"}, serves: e}
	w.endpoints[0].rate += 0.5
	w.endpoints[0].calls = append(w.endpoints[0].calls, call{self, "GET", 1})
	w.innocent = append(w.innocent, "127.0.0.1")
	return e
}

// neighbourDown is one of two programs on the same machine, told apart by their
// ports alone.
func neighbourDown(w *world) {
	well := &dependency{address: "127.0.0.1", port: 9001, names: []string{"POST /render"}, base: 0.02}
	ill := &dependency{address: "127.0.0.1", port: 9002, names: []string{"POST /convert"}, base: 0.02, text: "connection refused"}
	w.endpoints[0].rate += 1
	w.endpoints[0].calls = append(w.endpoints[0].calls, call{well, "POST /render", 1})
	w.endpoints[1].calls = append(w.endpoints[1].calls, call{ill, "POST /convert", 1})
	w.expect("dependency_down", "127.0.0.1:9002")
	w.from(func(int) { ill.failing = 1 })
}

func panics(w *world, told bool) {
	e := w.endpoint()
	e.rate++
	share := 0.1 + 0.5*w.rng.Float64()
	w.expect("panic_loop", e.name)
	w.from(func(int) { e.panics, e.told = share, told })
}

// panicked makes what is recorded of a panic: a status by those that know it, as
// otelmon.Begin, an event by the SDK, which sees it pass.
func panicked(s trace.Span, told bool) { //nolint:revive // flag-parameter: which of the two
	const text = "runtime error: index out of range [3] with length 3"
	if told {
		fail(s, "panic: "+text)
		s.SetAttributes(attribute.String("error.type", "panic"))
		return
	}
	s.AddEvent("exception", trace.WithAttributes(attribute.String("exception.type", "runtime.boundsError"), attribute.String("exception.message", text)))
}
