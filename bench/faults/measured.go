package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	few, many = 10, 10_000 // checks
	manyHung  = 100
	clients   = 8
	batch     = 1000 // probes that are measured together, where one takes microseconds
	slow      = time.Millisecond
	rounds    = 24
)

// measured are about what hung checks cost those who ask.
func measured() []scenario {
	within := fmt.Sprintf("≤ %.1f×", most)
	return []scenario{
		{
			name:  "10 checks: a probe, and with one hung",
			bound: "p50 ≤ 2×: it waits for nothing", timed: true, run: latency,
		},
		{
			name:  "10,000 checks, 8 clients: p99 of a probe, and with 100 hung that are not critical",
			bound: within, timed: true, run: load,
		},
		{
			name:  "10,000 checks: p50 of a probe for the status alone (HEAD), and with 100 critical ones hung",
			bound: within, timed: true, run: verdict,
		},
		{
			name:  "10,000 checks: a metric collection, per check, and with 100 hung",
			bound: within, timed: true, run: collection,
		},
	}
}

// A crowd is a service with many checks, some of them hung.
type crowd struct {
	*service
	trap *trap
}

// openCrowd returns when every check has been executed and the hung ones have had
// their timeout.
func (l library) openCrowd(s spec, n, hung int, optional bool) *crowd {
	t := newTrap()
	close(t.set)
	var begun, ended atomic.Int64
	for i := range n {
		c := check{name: fmt.Sprintf("check-%05d", i)}
		if i < hung {
			c.optional, c.timeout = optional, minimum
			c.do = func(ctx context.Context) error { begun.Add(1); return t.do(ctx) }
		} else {
			c.do = func(context.Context) error { ended.Add(1); return nil }
		}
		s.checks = append(s.checks, c)
	}
	opened := &crowd{l.open(s), t}
	opened.probe() // where that is what executes
	for int(begun.Load()) < hung || int(ended.Load()) < n-hung {
		pause(time.Millisecond)
	}
	pause(5 * short)
	return opened
}

func (c *crowd) close() {
	close(c.trap.released)
	c.stop()
}

// pairOf are two crowds that differ in their hung checks only.
func (l library) pairOf(s spec, n, hung int, optional bool) (with, without *crowd) {
	var opening sync.WaitGroup
	opening.Go(func() { with = l.openCrowd(s, n, hung, optional) })
	opening.Go(func() { without = l.openCrowd(s, n, 0, optional) })
	opening.Wait()
	return with, without
}

// probes returns how long each of n probes took.
func (c *crowd) probes(n int, method string) []float64 {
	r := httptest.NewRequest(method, "/readyz", http.NoBody)
	all := make([]float64, n)
	for i := range all {
		w := httptest.NewRecorder()
		all[i] = timed(func() { c.handler.ServeHTTP(w, r) })
	}
	return all
}

// loaded is the same for clients that ask at one time.
func (c *crowd) loaded(each int) []float64 {
	var all [clients][]float64
	var asking sync.WaitGroup
	for i := range all {
		asking.Go(func() { all[i] = c.probes(each, http.MethodGet) })
	}
	asking.Wait()
	return slices.Concat(all[:]...)
}

// fast reports whether a probe takes microseconds, so that enough of them can
// be measured for a duel.
func (c *crowd) fast() bool { return slices.Min(c.probes(2, http.MethodGet)) < float64(slow) }

func latency(l library) outcome {
	with, without := l.pairOf(spec{every: time.Second}, few, 1, false)
	defer with.close()
	defer without.close()
	n := 2 * batch
	if !with.fast() {
		n = 50
	}
	a, b := without.probes(n, http.MethodGet), with.probes(n, http.MethodGet)
	tell := func(all []float64) string {
		return fmt.Sprintf("p50 %s, p99 %s", micros(median(all)), micros(p99(all)))
	}
	return outcome{tell(a) + "; with " + tell(b), median(b) <= 2*median(a)}
}

func load(l library) outcome {
	with, without := l.pairOf(spec{every: 15 * time.Second}, many, manyHung, true)
	defer with.close()
	defer without.close()
	var o outcome
	if with.fast() {
		const each = batch / clients
		o = fight(
			rounds,
			func() float64 { return p99(with.loaded(each)) }, func() float64 { return p99(without.loaded(each)) },
		).outcome()
	} else {
		o = brief(func() float64 { return p99(with.loaded(1)) }, func() float64 { return p99(without.loaded(1)) })
	}
	return answered(o, without, with, http.StatusOK)
}

// verdict tells apart what a failure costs: to know it, and to tell it in words.
func verdict(l library) outcome {
	with, without := l.pairOf(spec{every: 15 * time.Second}, many, manyHung, false)
	defer with.close()
	defer without.close()
	ask := func(c *crowd, n int) float64 { return median(c.probes(n, http.MethodHead)) }
	var o outcome
	if with.fast() {
		o = fight(
			rounds,
			func() float64 { return ask(with, batch) }, func() float64 { return ask(without, batch) },
		).outcome()
	} else {
		o = brief(func() float64 { return ask(with, 1) }, func() float64 { return ask(without, 1) })
	}
	body := with.probe().Body.Len()
	o.Facts += fmt.Sprintf("; with its text %s, %.1f KB", micros(slices.Min(with.probes(3, http.MethodGet))), float64(body)/1000)
	return answered(o, without, with, http.StatusServiceUnavailable)
}

// answered adds what was answered all the time: a figure is worth nothing if
// that was not what was to be measured.
func answered(o outcome, without, with *crowd, want int) outcome {
	healthy, faulty := without.code(), with.code()
	o.Facts += fmt.Sprintf(" (%d, with %d)", healthy, faulty)
	o.OK = o.OK && healthy == http.StatusOK && faulty == want
	return o
}

// brief is for those that take too long for a duel: the best of a second.
func brief(with, without func() float64) outcome {
	var d duel
	for start := time.Now(); len(d.with) == 0 || time.Since(start) < time.Second; {
		d.without, d.with = append(d.without, without()), append(d.with, with())
	}
	return outcome{Facts: d.best()}
}
