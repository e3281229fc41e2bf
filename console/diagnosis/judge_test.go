package diagnosis

import (
	"math"
	"slices"
	"testing"
	"time"

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
		"some fail, as ever":      {fault{nil, trace.SpanKindServer, 3, 1, 0, true}, KindErrorRate, Warning},
		"some calls do, as ever":  {fault{called, trace.SpanKindClient, 3, 1, 0, true}, "", ""},
		"some fail, and now more": {fault{nil, trace.SpanKindServer, 3, 5, 0, true}, KindErrorRate, Warning},
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

// The evidence is the longest that is bad, and the longest of another trace.
func TestWorst(t *testing.T) {
	bad := func(p *span) { p.bad = true }
	for name, order := range map[string][]int{"up": {0, 1, 2, 3, 4}, "down": {4, 3, 2, 1, 0}, "mixed": {2, 0, 4, 1, 3}} {
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, nil)
		roots := []int{d.add(g, -1, 0, 60), d.add(g, -1, 0, 60), d.add(g, -1, 0, 60)} // which are not bad
		for _, i := range order {
			root, took := [][2]float64{{0, 1}, {1, 2}, {2, 3}, {0, 4}, {0, 5}}[i][0], float64(i+1)
			d.add(g, roots[int(root)], float64(i), took, bad)
		}
		worst, next := g.worst()
		if worst.seconds() != 5 || next == nil || next.seconds() != 3 {
			t.Errorf("%s: %v, then %v", name, worst.seconds(), next)
		}
	}
}

func TestExamples(t *testing.T) {
	for want, change := range map[string]func(*span){
		"GET /: no": failed, "GET /: failed": func(p *span) { p.failed = true }, "GET /, unfinished": pending, "GET /": func(*span) {},
	} {
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, nil)
		g.was, g.latency.found = 0.1, true
		d.add(g, -1, 0, 1, change, func(p *span) { p.bad = true })
		f := find(KindLatency, g.name, time.Now(), 1, "", "")
		g.examples(f)
		if e := f.Evidence[0]; e.Text != want || e.Baseline != 0.1 || e.Value != 1 || len(f.Evidence) != 1 || len(f.Next) != 1 {
			t.Errorf("%+v, want %s", f, want)
		}
	}
}

func TestConfidence(t *testing.T) {
	known, unknown := change{before: 0.1}, change{before: math.NaN()}
	for _, c := range []struct {
		change
		bad  int
		want float64
	}{{known, 100, 0.9}, {known, 1, 0.45}, {unknown, 100, 0.65}, {unknown, 1, 0.2}, {known, 0, 0.45}} {
		if got := sure(c.change, c.bad); got != c.want {
			t.Errorf("%d bad, %v before: %v, want %v", c.bad, c.before, got, c.want)
		}
	}
}

// Calls that the program serves itself are its own work; what calls nobody
// stays what it is.
func TestCallsToItself(t *testing.T) {
	d := draw()
	served, below := d.group("GET /prices", trace.SpanKindServer, nil), d.group("render", trace.SpanKindInternal, nil)
	self, once := d.group("127.0.0.1:8080", trace.SpanKindClient, &peer{address: "127.0.0.1"}), d.group("b.svc", trace.SpanKindClient, &peer{address: "b.svc"})
	for i := range leastAfter {
		d.add(served, d.add(self, -1, float64(i), 1), float64(i), 1)
		d.add(served, d.add(below, -1, float64(i), 1), float64(i), 1)
	}
	d.add(served, d.add(once, -1, 0, 1), 0, 1)
	d.callsToItself()
	if self.peer != nil || self.name != "call to itself" || below.name != "render" || once.peer == nil {
		t.Errorf("%+v, %+v, %+v", self, below, once)
	}
}

// A span that ends while spans are read is read twice, and one that begins in
// the future is judged by nothing else.
func TestSpansAreReadOnce(t *testing.T) {
	now := time.Now().UnixNano()
	r := &reader{
		traffic: &traffic{}, now: now, settled: time.Unix(0, now).Add(-time.Minute), byID: newIndex(4),
		groups: map[string]*group{}, units: map[string]member{}, texts: map[string]string{},
	}
	at := func(id byte, start time.Duration) *store.SpanHead {
		return &store.SpanHead{SpanID: trace.SpanID{id}, Kind: trace.SpanKindServer, Name: []byte("GET /"), Start: now + int64(start)}
	}
	first := at(1, -time.Second)
	r.add(first)
	first.End, first.Failed, first.Message = now, true, []byte("no")
	r.add(first)
	first.Failed = false
	r.add(first)
	r.add(at(2, -2*time.Minute))
	r.add(at(3, 50*time.Second))
	r.add(at(4, 90*time.Second))
	spans := r.traffic.spans
	if len(spans) != 3 || spans[0].open || !spans[0].failed || spans[0].message != "no" || spans[0].early || !spans[1].early || len(r.traffic.ahead) != 1 {
		t.Errorf("%+v, %d ahead", spans, len(r.traffic.ahead))
	}
	if u := spans[0].unit; u.n != 1 || u != spans[1].unit {
		t.Errorf("%+v", u)
	}
}

func TestPanicsAndClocks(t *testing.T) {
	for name, c := range map[string]struct {
		panics, ahead int
		passes        bool // up to the request
		age           float64
		want          string
	}{
		"five":                 {5, 0, false, 60, "[panic_loop render]"},
		"four":                 {4, 0, false, 60, "[]"},
		"five that pass on":    {5, 0, true, 60, "[panic_loop render]"},
		"five of an hour ago":  {5, 0, false, 3600, "[]"},
		"five from the future": {0, 5, false, 60, "[clock_skew clock]"},
		"four from the future": {0, 4, false, 60, "[]"},
	} {
		d := draw()
		root, g := d.group("GET /", trace.SpanKindServer, nil), d.group("render", trace.SpanKindInternal, nil)
		for range c.panics {
			up := d.add(root, -1, 3600-c.age, 1, func(p *span) { p.panicked = c.passes })
			d.add(g, up, 3600-c.age, 1, func(p *span) { p.panicked = true })
		}
		for range c.ahead {
			d.ahead = append(d.ahead, span{start: d.begin + int64(2*time.Hour)})
		}
		s := d.judged()
		s.from = s.now.Add(-UsualSince)
		if got := kinds(append(panics(s), clockSkew(s)...)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What is fast or slow by nature has not become slow.
func TestFastOrSlowByNature(t *testing.T) {
	d := draw()
	g := d.group("GET /", trace.SpanKindServer, nil)
	for i := range 400 {
		d.add(g, -1, float64(i), []float64{0.1, 1, 0.1, 1, 1}[i%5])
	}
	if d.judged(); g.latency.found || g.bad > 0 {
		t.Errorf("%+v, %d bad", g.latency, g.bad)
	}
}
