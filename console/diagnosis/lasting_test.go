package diagnosis

import (
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

func TestWhatEverFailed(t *testing.T) {
	for name, c := range map[string]struct {
		n     int
		fails func(i int) bool
		found bool
	}{
		"a fifth":                    {400, func(i int) bool { return i%5 == 0 }, true},
		"a third of few":             {50, func(i int) bool { return i%3 == 0 }, true},
		"a third of fewer":           {49, func(i int) bool { return i%3 == 0 }, false},
		"a fifth of few":             {60, func(i int) bool { return i%5 == 0 }, false},
		"a tenth of many":            {4000, func(i int) bool { return i%10 == 0 }, false},
		"more than a tenth of many":  {4000, func(i int) bool { return i%8 == 0 }, true},
		"a third, hardly any before": {400, func(i int) bool { return i%3 == 0 && (i >= 100 || i%4 == 0) }, false},
		"a third, at first fewer":    {400, func(i int) bool { return i%3 == 0 && (i >= 100 || i%2 == 0) }, true},
		"a third, hardly any now":    {400, func(i int) bool { return i%3 == 0 && (i < 300 || i%4 == 0) }, false},
		"nothing":                    {400, func(int) bool { return false }, false},
	} {
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, nil)
		for i := range c.n {
			d.add(g, -1, float64(i), 0.1, func(p *span) { p.failed = c.fails(i) })
		}
		if got := g.everFailed(); got != c.found {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Requests that fail in part, as ever, are the fault of what they call where
// that fails with them. What fails as often and does not matter is none, nor is
// what fails over and over in a few.
func TestWhoseFaultItEverWas(t *testing.T) {
	for name, c := range map[string]struct {
		kind  trace.SpanKind
		calls bool // that fail with the requests
		want  string
	}{
		"of requests themselves": {trace.SpanKindServer, false, "GET / warning"},
		"of what they call":      {trace.SpanKindServer, true, "payments warning > failing GET / > failing POST / > failing render"},
		"of messages":            {trace.SpanKindConsumer, false, "GET / warning"},
		"of nobody's requests":   {trace.SpanKindInternal, true, "payments warning > failing POST /"},
	} {
		d := draw()
		root, other, between := d.group("GET /", c.kind, nil), d.group("POST /", trace.SpanKindServer, nil), d.group("render", trace.SpanKindInternal, nil)
		payments, probe, retried := d.group("payments", trace.SpanKindClient, &peer{}), d.group("probe", trace.SpanKindClient, &peer{}), d.group("retried", trace.SpanKindClient, &peer{})
		for i := range 300 {
			fails := func(is bool) func(*span) {
				return func(p *span) {
					if is {
						failed(p)
					}
				}
			}
			bad := i%3 == 0
			up := d.add(root, -1, float64(i), 0.1, fails(bad))
			in := d.add(between, up, float64(i), 0.05, fails(bad && c.calls))
			d.add(payments, in, float64(i), 0.01, fails(bad && c.calls))
			d.add(payments, d.add(other, -1, float64(i), 0.1, fails(bad && c.calls)), float64(i), 0.01, fails(bad && c.calls))
			d.add(probe, in, float64(i), 0.01, fails(i%9 < 2 || i%9 == 3))                    // in two thirds of what fails, by chance
			d.add(between, in, float64(i), 0.01, fails(bad), func(p *span) { p.group = nil }) // of a bulk operation
			for range 3 {
				d.add(retried, in, float64(i), 0.01, fails(i%12 == 0))
			}
		}
		s := d.judged()
		if got := names(s.causes(slowOrFailing(s))); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if probe.bad > 0 || retried.bad > 0 || payments.bad > 200 {
			t.Errorf("%s: %d, %d and %d are bad", name, probe.bad, retried.bad, payments.bad)
		}
	}
}

func TestSinceWhenItFails(t *testing.T) {
	for want, ran := range map[string]time.Duration{"33 % of GET / fail, since the program started": time.Hour, "33 % of GET / fail, as long as can be looked back": 2 * time.Hour} {
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, nil)
		for i := range 300 {
			d.add(g, -1, float64(i), 0.1, func(p *span) {
				if i%3 == 0 {
					failed(p)
				}
			})
		}
		s := d.judged()
		s.started = s.now.Add(-ran)
		f := s.aboutGroup(g)
		if f.Summary != want || !strings.Contains(f.Cause, "no") || f.Confidence != 0.65 || f.Severity != Warning {
			t.Errorf("%+v, want %s", f.Finding, want)
		}
	}
}

// What fails below requests that fail of late was not ever so.
func TestWhatFailsOfLateDidNotEver(t *testing.T) {
	d := draw()
	root, cache := d.group("GET /", trace.SpanKindServer, nil), d.group("cache", trace.SpanKindClient, &peer{})
	for i := range 300 {
		bad := func(p *span) {
			if i >= 200 && i%3 == 0 {
				failed(p)
			}
		}
		up := d.add(root, -1, float64(i), 0.1, bad)
		d.add(cache, up, float64(i), 0.01, bad)
		for range 10 {
			d.add(cache, up, float64(i), 0.01)
		}
	}
	if d.judged(); root.lasts || root.bad == 0 || cache.bad > 0 {
		t.Errorf("ever %v, %d bad, %d below", root.lasts, root.bad, cache.bad)
	}
}
