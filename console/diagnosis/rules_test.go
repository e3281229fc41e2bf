package diagnosis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// run is so many values in a row.
type run struct {
	n     int
	value float64
}

func series(runs ...run) (v []float64) {
	for _, r := range runs {
		v = append(v, slices.Repeat([]float64{r.value}, r.n)...)
	}
	return v
}

// spread is so many values of which a third each are small, as given, and large.
func spread(n int, small, usual, large float64) (v []float64) {
	for i := range n {
		v = append(v, []float64{small, usual, large}[i%3])
	}
	return v
}

func TestRise(t *testing.T) {
	for name, c := range map[string]struct {
		v     []float64
		found bool
	}{
		"it doubles":                    {series(run{40, 10}, run{20, 21}), true},
		"it does not double":            {series(run{40, 10}, run{20, 19}), false},
		"it falls":                      {series(run{40, 10}, run{20, 1}), false},
		"within what is usual":          {append(spread(42, 2, 10, 18), series(run{20, 50})...), false},
		"beyond what is usual":          {append(spread(42, 2, 10, 18), series(run{20, 90})...), true},
		"for a while only":              {series(run{40, 10}, run{40, 30}, run{12, 10}), false},
		"for a while, a little is left": {series(run{40, 10}, run{40, 30}, run{14, 12}), false},
		"it has a pause":                {series(run{40, 10}, run{40, 30}, run{5, 10}), true},
		"twenty values before":          {series(run{20, 10}, run{20, 30}), true},
		"six values before":             {series(run{6, 10}, run{20, 30}), false},
		"six values after":              {series(run{40, 10}, run{6, 30}), true},
		"five values after":             {series(run{40, 10}, run{5, 30}), false},
		"three values after":            {series(run{40, 10}, run{3, 30}), false},
		"nothing":                       {nil, false},
	} {
		if got := rise(c.v); got.found != c.found {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestShareRises(t *testing.T) {
	// every makes each nth value of so many a bad one, none where n is zero.
	every := func(count, n int) run { return run{count, float64(n)} }
	for name, c := range map[string]struct {
		runs  []run
		found bool
		ever  bool // it has always been so
	}{
		"all of a few, after many":          {[]run{every(60, 0), every(4, 1)}, true, false},
		"three, after many":                 {[]run{every(60, 0), every(3, 1)}, false, false},
		"all of a few, after not so many":   {[]run{every(40, 0), every(6, 1)}, false, false},
		"eight, after not so many":          {[]run{every(40, 0), every(8, 1)}, true, false},
		"a few, after what failed before":   {[]run{every(60, 30), every(6, 1)}, false, false},
		"half of many":                      {[]run{every(60, 0), every(40, 2)}, true, false},
		"a fifth, a tenth before":           {[]run{every(800, 10), every(800, 5)}, false, false},
		"a half, a tenth before":            {[]run{every(400, 10), every(400, 2)}, true, false},
		"a thirtieth, none before":          {[]run{every(1000, 0), every(600, 30)}, false, false},
		"a tenth, none before":              {[]run{every(1000, 0), every(300, 10)}, true, false},
		"over again":                        {[]run{every(60, 0), every(40, 1), every(40, 0)}, false, false},
		"almost over":                       {[]run{every(60, 0), every(80, 1), every(40, 5)}, false, false},
		"always":                            {[]run{every(10, 1)}, true, true},
		"always, but for the first three":   {[]run{every(3, 0), every(60, 1)}, true, true},
		"always, the first":                 {[]run{every(9, 1)}, false, false},
		"always one in two":                 {[]run{every(60, 2)}, true, true},
		"always one in three":               {[]run{every(60, 3)}, false, false},
		"always, until lately":              {[]run{every(60, 1), every(15, 0)}, false, false},
		"at first, and now less than half":  {[]run{every(60, 1), every(20, 4)}, false, false},
		"by chance: two in a row of sixths": {[]run{every(30, 6), every(8, 2)}, false, false},
		"nothing":                           {nil, false, false},
	} {
		var bad []bool
		for _, r := range c.runs {
			for i := range r.n {
				bad = append(bad, r.value > 0 && (i+1)%int(max(r.value, 1)) == 0)
			}
		}
		got := shareRises(len(bad), func(i int) bool { return bad[i] })
		if got.found != c.found || math.IsNaN(got.before) != c.ever {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWaits(t *testing.T) {
	for name, c := range map[string]struct {
		v     []float64
		found bool
	}{
		"callers begin to wait":   {series(run{40, 0}, run{10, 3}), true},
		"less than one at a time": {series(run{40, 0}, run{10, 0.5}), false},
		"always":                  {series(run{12, 3}), true},
		"always, for a minute":    {series(run{11, 3}), false},
		"always, with a pause":    {series(run{20, 3}, run{1, 0}, run{20, 3}), true},
		"always, until now":       {series(run{40, 3}, run{1, 0}), false},
		"at times":                {slices.Repeat([]float64{0, 3, 3, 3, 3, 3, 3}, 6), false},
		"nobody":                  {series(run{40, 0}), false},
	} {
		if got := waits(c.v); got.found != c.found {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// drawn is traffic by hand: one span a second of each name, or as given.
type drawn struct {
	traffic
	begin int64
}

func draw() *drawn {
	const most = 4096 // spans do not move
	return &drawn{traffic{spans: make([]span, 0, most)}, time.Now().Add(-time.Hour).UnixNano()}
}

// group makes one with a name of its own and so many units.
func (d *drawn) group(name string, kind trace.SpanKind, called *peer) *group {
	g := &group{name: name, kind: kind, peer: called, causes: map[*group]int{}, units: []*unit{{name: name}}}
	d.groups = append(d.groups, g)
	return g
}

// add adds a span below up, -1 for none, and returns its place.
func (d *drawn) add(g *group, up int, start, seconds float64, change ...func(*span)) int {
	at := d.begin + int64(start*1e9)
	d.spans = append(d.spans, span{
		start: at, end: at + int64(seconds*1e9), group: g, unit: g.units[0], up: int32(up), deep: true,
	})
	p := &d.spans[len(d.spans)-1]
	for _, f := range change {
		f(p)
	}
	if up >= 0 {
		d.spans[up].children++
		p.trace = d.spans[up].trace
	} else {
		p.trace[0], p.trace[1] = byte(len(d.spans)>>8), byte(len(d.spans))
	}
	g.spans = append(g.spans, p)
	if !p.open {
		p.unit.durations = append(p.unit.durations, p.seconds())
	}
	return len(d.spans) - 1
}

func (d *drawn) judged() *snapshot {
	for _, g := range d.groups {
		for _, u := range g.units {
			u.low = nth(u.durations, 0.25)
			u.remember()
		}
		slices.SortFunc(g.spans, byStart)
	}
	d.judge()
	return &snapshot{traffic: &d.traffic, now: time.Now(), from: time.Now().Add(-2 * time.Hour)}
}

func pending(p *span) { p.open = true }

// kinds lists what rules find, by kind and name.
func kinds(found []*finding) string {
	var names []string
	for _, f := range found {
		names = append(names, f.Kind+" "+f.Component)
	}
	slices.Sort(names)
	return fmt.Sprint(names)
}

func TestLatency(t *testing.T) {
	usual := func(rng *rand.Rand, v float64) float64 { return v * (0.8 + 0.4*rng.Float64()) }
	for name, c := range map[string]struct {
		before, after float64 // seconds
		share         float64 // of those after that are so
		found         bool
	}{
		"it doubles":                     {0.1, 0.25, 1, true},
		"it does not":                    {0.1, 0.15, 1, false},
		"by no more than milliseconds":   {0.001, 0.004, 1, false},
		"by ten milliseconds":            {0.005, 0.015, 1, true},
		"a third of them, tenfold":       {0.1, 1, 0.35, true},
		"a third of them, threefold":     {0.1, 0.28, 0.35, false},
		"a twentieth of them, tenfold":   {0.1, 1, 0.05, false},
		"a third, by milliseconds alone": {0.0003, 0.003, 0.35, false},
	} {
		rng := rand.New(rand.NewPCG(1, 1))
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, nil)
		for i := range 400 {
			v := c.before
			if i >= 200 && float64(i%20) < 20*c.share {
				v = c.after
			}
			d.add(g, -1, float64(i), usual(rng, v))
		}
		d.judged()
		if g.latency.found != c.found || (g.bad > 0) != c.found || float64(g.bad) > 200*c.share+1 {
			t.Errorf("%s: %+v, %d bad, %.3f to %.3f s", name, g.latency, g.bad, g.was, g.is)
		}
	}
}

func TestNPlusOne(t *testing.T) {
	type loop struct {
		requests, calls int
		own             float64 // seconds of each request, beside calls of a millisecond
		every           int     // which of the requests it is in
		overlap         float64 // seconds by which a call begins early
		kind            trace.SpanKind
		below           int // so far it is below the request, in work of the program's own
		open            bool
		names           int     // of calls in turn, one where it is zero
		meet            float64 // seconds by which the second call alone begins early
	}
	usual := func(change func(*loop)) loop {
		l := loop{requests: 5, calls: 10, every: 1, kind: trace.SpanKindServer}
		change(&l)
		return l
	}
	for name, c := range map[string]struct {
		loop
		want string
	}{
		"ten in five requests":          {usual(func(*loop) {}), "[n_plus_one GET /]"},
		"of messages":                   {usual(func(l *loop) { l.kind = trace.SpanKindConsumer }), "[n_plus_one GET /]"},
		"in a part of a request":        {usual(func(l *loop) { l.below = 1 }), "[n_plus_one render]"},
		"further down":                  {usual(func(l *loop) { l.below = 3 }), "[n_plus_one render]"},
		"below a message":               {usual(func(l *loop) { l.below, l.kind = 2, trace.SpanKindConsumer }), "[n_plus_one render]"},
		"in a part of a bulk operation": {usual(func(l *loop) { l.below, l.kind = 1, trace.SpanKindInternal }), "[]"},
		"of two names":                  {usual(func(l *loop) { l.names = 2 }), "[]"},
		"two of which meet":             {usual(func(l *loop) { l.meet = 0.0005 }), "[]"},
		"in a bulk operation":           {usual(func(l *loop) { l.kind = trace.SpanKindInternal }), "[]"},
		"nine":                          {usual(func(l *loop) { l.calls = 9 }), "[]"},
		"in four requests":              {usual(func(l *loop) { l.requests = 4 }), "[]"},
		"side by side":                  {usual(func(l *loop) { l.overlap = 0.0005 }), "[]"},
		"for half of the time":          {usual(func(l *loop) { l.own = 0.01 }), "[n_plus_one GET /]"},
		"for a third of the time":       {usual(func(l *loop) { l.own = 0.02 }), "[]"},
		"in one request of four":        {usual(func(l *loop) { l.requests, l.every = 40, 4 }), "[n_plus_one GET /]"},
		"in one request of six":         {usual(func(l *loop) { l.requests, l.every = 60, 6 }), "[]"},
		"in requests that hang":         {usual(func(l *loop) { l.open = true }), "[]"},
	} {
		d := draw()
		root, render := d.group("GET /", c.kind, nil), d.group("render", trace.SpanKindInternal, nil)
		db := d.group("shop", trace.SpanKindClient, &peer{system: "postgresql"})
		db.units = append(db.units, &unit{name: "another"})
		for i := range c.requests {
			start := float64(i)
			took := c.own + 0.001*float64(c.calls)
			up := d.add(root, -1, start, took, func(p *span) { p.open = c.open })
			for range c.below {
				up = d.add(render, up, start, took)
			}
			if i%c.every == 0 {
				for j := range c.calls {
					at := start + float64(j)*(0.001-c.overlap)
					if j == 1 {
						at -= c.meet
					}
					d.add(db, up, at, 0.0009, func(p *span) { p.unit = db.units[j%max(c.names, 1)] })
				}
			}
		}
		found := nPlusOne(d.judged())
		if got := kinds(found); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if len(found) > 0 && found[0].FirstSeen.UnixNano() != d.begin {
			t.Errorf("%s: first seen at %v", name, found[0].FirstSeen)
		}
	}
}

func TestHeldLock(t *testing.T) {
	type crowd struct {
		requests int
		pause    float64 // seconds between two that begin
		own      float64 // seconds before the call
		call     float64
		lock     bool
		kind     *peer
	}
	for name, c := range map[string]struct {
		crowd
		want string
	}{
		"a lock":                    {crowd{100, 0.1, 0, 0.15, true, nil}, "[lock_contention GET /]"},
		"of a few requests":         {crowd{15, 0.02, 0, 0.3, true, nil}, "[]"},
		"no lock":                   {crowd{100, 0.1, 2, 0.15, false, nil}, "[]"},
		"calls too short to meet":   {crowd{100, 0.1, 2, 0.03, false, nil}, "[]"},
		"not two at a time":         {crowd{100, 1, 1.1, 0.6, false, nil}, "[]"},
		"slow, and one at a time":   {crowd{100, 1, 0.2, 0.7, false, nil}, "[]"},
		"of calls, made by a proxy": {crowd{100, 0.1, 0, 0.15, true, &peer{address: "proxy"}}, "[]"},
	} {
		d := draw()
		g := d.group("GET /", trace.SpanKindServer, c.kind)
		db := d.group("shop", trace.SpanKindClient, &peer{system: "postgresql"})
		free := 0.0
		for i := range 100 + c.requests {
			start, own := float64(i), 0.001
			if i >= 100 {
				start, own = 200+float64(i-100)*c.pause, c.own
			}
			at := start + own
			if c.lock {
				at = max(at, free)
			}
			free = at + c.call
			if i < 100 {
				free = at + 0.01
			}
			up := d.add(g, -1, start, free-start)
			d.add(db, up, at, free-at)
		}
		s := d.judged()
		if !g.latency.found && c.requests > 20 {
			t.Errorf("%s: not slower: %+v", name, g.latency)
		}
		if got := kinds(heldLock(s)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNeverEnded(t *testing.T) {
	called := &peer{address: "search.svc"}
	for name, c := range map[string]struct {
		longest float64 // seconds of what ended, none where it is zero
		open    int
		age     float64
		of      *peer
		calls   bool // each waits for a call that hangs
		want    string
	}{
		"five":                             {0.1, 5, 60, nil, false, "[spans_never_ended render]"},
		"four":                             {0.1, 4, 60, nil, false, "[]"},
		"for twenty seconds":               {0.1, 9, 20, nil, false, "[]"},
		"others took a fifth of the time":  {12, 9, 60, nil, false, "[]"},
		"others took a twelfth":            {5, 9, 60, nil, false, "[spans_never_ended render]"},
		"ten, and none ended":              {0, 10, 130, nil, false, "[spans_never_ended render]"},
		"nine, and none ended":             {0, 9, 130, nil, false, "[]"},
		"ten, and none ended, for minutes": {0, 10, 100, nil, false, "[]"},
		"calls":                            {0.1, 9, 60, called, false, "[]"},
		"a callee does not answer":         {0.1, 9, 60, nil, true, "[]"},
	} {
		d := draw()
		g := d.group("render", trace.SpanKindInternal, c.of)
		search := d.group("search.svc", trace.SpanKindClient, called)
		for i := range 40 {
			if c.longest > 0 {
				up := d.add(g, -1, float64(i), c.longest)
				d.add(search, up, float64(i), c.longest)
			}
		}
		for i := range c.open {
			up := d.add(g, -1, float64(100+i), c.age, pending)
			if c.calls {
				d.add(search, up, float64(100+i), c.age, pending)
			}
		}
		if got := kinds(neverEnded(d.judged())); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
