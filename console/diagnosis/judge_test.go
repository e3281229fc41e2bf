package diagnosis

import (
	"math"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

func failed(p *span) { p.failed, p.message = true, "no" }

func TestWhatGroupsAreSaidToDo(t *testing.T) {
	called := &peer{address: "search.svc"}
	type fault struct {
		peer   *peer
		kind   trace.SpanKind
		fails  int     // of ten, from the middle on
		slow   float64 // times what is usual
		hang   int     // calls that do not return
		before bool    // it was so before
	}
	for name, c := range map[string]struct {
		fault
		want     string
		severity string
	}{
		"calls fail":              {fault{called, trace.SpanKindClient, 6, 1, 0, false}, KindDependencyDown, Warning},
		"some calls fail":         {fault{called, trace.SpanKindClient, 3, 1, 0, false}, KindErrorRate, Warning},
		"calls are slow":          {fault{called, trace.SpanKindClient, 0, 5, 0, false}, KindDependencySlow, Warning},
		"calls hang":              {fault{called, trace.SpanKindClient, 0, 1, 10, false}, KindDependencyDown, Warning},
		"calls fail, some hang":   {fault{called, trace.SpanKindClient, 3, 1, 20, false}, KindErrorRate, Warning},
		"a quarter fails":         {fault{nil, trace.SpanKindServer, 3, 1, 0, false}, KindErrorRate, Critical},
		"of messages":             {fault{nil, trace.SpanKindConsumer, 3, 1, 0, false}, KindErrorRate, Critical},
		"of nobody's requests":    {fault{nil, trace.SpanKindInternal, 3, 1, 0, false}, KindErrorRate, Warning},
		"less than a quarter":     {fault{nil, trace.SpanKindServer, 2, 1, 0, false}, KindErrorRate, Warning},
		"requests are slow":       {fault{nil, trace.SpanKindServer, 0, 5, 0, false}, KindLatency, Warning},
		"all is well":             {fault{nil, trace.SpanKindServer, 0, 1, 0, false}, "", ""},
		"some fail, as they ever": {fault{nil, trace.SpanKindServer, 3, 1, 0, true}, "", ""},
	} {
		d := draw()
		g := d.group("GET /", c.kind, c.peer)
		for i := range 400 {
			took, bad := 0.1, c.before || i >= 200
			if bad {
				took *= c.slow
			}
			d.add(g, -1, float64(i), took, func(p *span) {
				if bad && i%10 < c.fails {
					failed(p)
				}
			})
		}
		for i := range c.hang {
			d.add(g, -1, 400+float64(i), 60, pending)
		}
		kind, severity := "", ""
		for _, f := range slowOrFailing(d.judged()) {
			kind, severity = kind+f.Kind, severity+f.Severity
		}
		if kind != c.want || severity != c.severity {
			t.Errorf("%s: %s %s, want %s %s", name, kind, severity, c.want, c.severity)
		}
	}
}

// A call that runs has no duration yet.
func TestCallsThatRunAreNotSlow(t *testing.T) {
	for name, c := range map[string]struct {
		usual, age float64
		found      bool
	}{
		"for less than a second":       {0.01, 0.5, false},
		"for a little longer than any": {1, 3, false},
		"for far longer":               {1, 30, true},
	} {
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, nil)
		for i := range 40 {
			d.add(g, -1, float64(i), c.usual)
		}
		for i := range 10 {
			d.add(g, -1, 40+float64(i), c.age, pending)
		}
		if d.judged(); g.latency.found != c.found {
			t.Errorf("%s: %+v", name, g.latency)
		}
	}
}

// What was before the oldest span that is kept is what is usual.
func TestThePastIsUsual(t *testing.T) {
	past := func(n, errors int, p50, p95 float64) store.SpanFigures {
		return store.SpanFigures{Count: n, Errors: errors, P50: store.Number(p50), P95: store.Number(p95)}
	}
	for name, c := range map[string]struct {
		past        store.SpanFigures
		took        float64
		every       int // of the spans fails, none where it is zero
		slow, fails bool
	}{
		"all is slow":                       {past(100, 0, 0.1, 0.2), 1, 0, true, false},
		"it was for a part of the past":     {past(100, 0, 0.2, 10), 1, 0, true, false},
		"more than twice, beyond the tail":  {past(100, 0, 0.3, 0.5), 1, 0, true, false},
		"more than twice, within the tail":  {past(100, 0, 0.3, 0.9), 1, 0, false, false},
		"not twice":                         {past(100, 0, 0.6, 0.65), 1, 0, false, false},
		"by milliseconds alone":             {past(100, 0, 0.0005, 0.0006), 0.003, 0, false, false},
		"of a short past":                   {past(40, 0, 0.1, 0.2), 1, 0, false, false},
		"one in ten fails":                  {past(100, 0, 1, 1), 1, 10, false, true},
		"one in ten, as before":             {past(100, 10, 1, 1), 1, 10, false, false},
		"one in ten, one in fifty before":   {past(100, 2, 1, 1), 1, 10, false, false},
		"one in thirty":                     {past(100, 0, 1, 1), 1, 30, false, false},
		"one in ten, of a short past":       {past(40, 0, 1, 1), 1, 10, false, false},
		"all fail, which they did not then": {past(100, 0, 1, 1), 1, 1, false, true},
	} {
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, nil)
		g.units[0].past = c.past
		for i := range 200 {
			d.add(g, -1, float64(i), c.took, func(p *span) {
				if c.every > 0 && i%c.every == 0 {
					failed(p)
				}
			})
		}
		d.judged()
		if g.latency.found != c.slow || g.errors.found != c.fails || math.IsNaN(g.errors.before) || (g.bad > 0) != (c.slow || c.fails) {
			t.Errorf("%s: latency %+v, errors %+v, %d bad", name, g.latency, g.errors, g.bad)
		}
		if c.slow && (g.is < 0.9*c.took || math.Abs(g.was-float64(c.past.P95)) > 1e-9) {
			t.Errorf("%s: %.2f s, %.2f s before", name, g.is, g.was)
		}
	}
}

// A few that fail are no rate, and a name that is slow is not all of a group.
func TestThePastOfAPart(t *testing.T) {
	d := draw()
	few, many := d.group("few", trace.SpanKindServer, nil), d.group("search.svc", trace.SpanKindClient, &peer{address: "search.svc"})
	few.units[0].past = store.SpanFigures{Count: 100, P50: 1, P95: 1}
	many.units[0].past = store.SpanFigures{Count: 100, P50: 1, P95: 1}
	slow := &unit{name: "slow", past: store.SpanFigures{Count: 100, P50: 0.1, P95: 0.2}}
	many.units = append(many.units, slow)
	for i := range 100 {
		d.add(few, -1, float64(i), 1, func(p *span) {
			if i%15 == 7 {
				failed(p)
			}
		})
		d.add(many, -1, float64(i), 1, func(p *span) {
			if i%5 < 2 {
				p.unit = slow
			}
		})
	}
	if d.judged(); few.errors.found || many.latency.found {
		t.Errorf("%+v, %+v", few.errors, many.latency)
	}
	if !slow.slower || many.units[0].slower {
		t.Error("it is the one name that is slower")
	}
}

// The fault is that of the deepest that is bad, once for each that bears it.
func TestWhoseFaultItIs(t *testing.T) {
	d := draw()
	outer, inner := d.group("GET /", trace.SpanKindServer, nil), d.group("render", trace.SpanKindInternal, nil)
	db := d.group("db", trace.SpanKindClient, &peer{system: "mysql"})
	for i := range 120 {
		bad := func(p *span) {
			if i >= 60 {
				failed(p)
				p.message = []string{"down", "down", "timeout"}[i%3]
			}
		}
		up := d.add(outer, -1, float64(i), 0.1, bad)
		between := d.add(inner, up, float64(i), 0.1) // which does not fail
		d.add(db, between, float64(i), 0.01, bad)
		d.add(db, between, float64(i)+0.02, 0.01, bad)
	}
	s := d.judged()
	if outer.bad != 60 || outer.causes[db] != 60 || len(inner.causes) != 0 || !outer.blames(db) || outer.blames(outer) || db.blames(db) || inner.blames(db) {
		t.Errorf("%d bad, causes %v", outer.bad, outer.causes)
	}
	if outer.saying != "down" || inner.saying != noText {
		t.Errorf("%q, %q", outer.saying, inner.saying)
	}
	found := s.causes(slowOrFailing(s))
	if got := names(found); got != "mysql critical > failing GET /" && got != "db critical > failing GET /" {
		t.Error(got)
	}
	if !slices.ContainsFunc(outer.spans, func(p *span) bool { return p.cause == db }) {
		t.Error("a request knows whose fault it was")
	}
}
