package diagnosis

import (
	"cmp"
	"math"
	"runtime"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// span is what the rules need of a span.
type span struct {
	trace      trace.TraceID
	id, parent trace.SpanID
	start, end int64  // nanoseconds; an unfinished span ends now
	group      *group // nil for spans of packages bulk and health
	unit       *unit  // spans of the same name in the group
	cause      *group // whose fault it was, of a bad one
	message    string
	ratio      float64 // of its duration to what is short for its name
	up         int32   // index of the parent, -1 when it is not here
	children   int32
	failed     bool
	open       bool // unfinished
	bad        bool // part of what went wrong in its group
	deep       bool // no bad span below it
	panicked   bool
	early      bool // begun while the program started
}

func (p *span) seconds() float64 { return time.Duration(p.end - p.start).Seconds() }

// group is all spans of a name and kind, or all calls of a dependency.
type group struct {
	name  string
	peer  *peer // nil for the program's own work
	kind  trace.SpanKind
	units []*unit
	spans []*span // by start
	n     int     // spans while they are read

	errors, latency change
	limit           float64 // ratio above which a span is slow
	was, is         float64 // high durations before it became slow and since, in seconds
	bad             int
	lasts           bool           // it is bad as it ever was
	causes          map[*group]int // bad spans by whose fault it was
	saying          string         // the most frequent error text of the bad spans
}

type unit struct {
	name      string
	durations []float64 // of those that have ended, in no order
	n         int       // of them while spans are read
	low       float64
	slower    bool              // than it was before what is kept
	past      store.SpanFigures // before the last five minutes, of spans that may be gone
}

// traffic is all spans that the rules look at.
type traffic struct {
	spans  []span
	groups []*group
	ahead  []span // that begin after now, by the clock of this machine; they are judged by nothing else
	work   workspace
	pace   pace
}

// pace counts spans that were dealt with, and lets the application go first when
// they are many.
type pace int

func (p *pace) step(spans int) {
	if *p += pace(spans); *p >= 2000 {
		*p = 0
		runtime.Gosched()
	}
}

// reader sorts spans into groups.
type reader struct {
	traffic *traffic
	now     int64
	settled time.Time
	byID    index
	groups  map[string]*group // by kind and peer, or name
	units   map[string]member // by that and the name
	texts   map[string]string
	key     []byte
}

// member is a name within its group.
type member struct {
	group *group
	unit  *unit
}

// readSpans reads about n spans. What begins before settled is not judged.
func readSpans(st *store.Store, from, settled, now time.Time, n int) *traffic {
	n += n / 16 // more arrive meanwhile
	r := &reader{
		traffic: &traffic{spans: make([]span, 0, n)}, now: now.UnixNano(), settled: settled, byID: newIndex(n),
		groups: map[string]*group{}, units: map[string]member{}, texts: map[string]string{},
	}
	st.EachSpan(from, r.add)
	t := r.traffic
	for i := range t.spans {
		p := &t.spans[i]
		if _, p.up = r.byID.slot(t.spans, p.parent); p.up >= 0 {
			t.spans[p.up].children++
		}
	}
	t.share(r.now)
	t.callsToItself()
	for _, g := range t.groups {
		for _, u := range g.units {
			u.low = nth(u.durations, 0.25)
		}
	}
	t.remember(st)
	return t
}

// remember gives units their past. It knows no peers, so what calls of two go by
// has none.
func (t *traffic) remember(st *store.Store) {
	past, of := pastOf(st), map[string]*unit{}
	for _, g := range t.groups {
		for _, u := range g.units {
			key := g.kind.String() + " " + store.CleanLine(u.name)
			if _, twice := of[key]; twice {
				of[key] = nil
				continue
			}
			of[key] = u
		}
	}
	for key, u := range of {
		if u != nil {
			u.past = past[key]
			u.remember()
		}
	}
}

// pastOf returns what spans did by kind and name: an hour ago before half an
// hour ago, so that what has lasted for a while is not taken for usual.
func pastOf(st *store.Store) map[string]store.SpanFigures {
	past := map[string]store.SpanFigures{}
	for _, window := range []time.Duration{30 * time.Minute, 15 * time.Minute, 5 * time.Minute} {
		of := map[string]store.SpanFigures{}
		for _, stat := range st.SpanStats(store.SpanStatQuery{Window: window, Limit: math.MaxInt}).Names {
			if key := stat.Kind + " " + stat.Name; stat.Before.Count > of[key].Count {
				of[key] = stat.Before
			}
		}
		for key, figures := range of {
			if past[key].Count < leastPast {
				past[key] = figures
			}
		}
	}
	return past
}

// callsToItself makes own work of calls that the program serves itself: the spans
// below them say so.
func (t *traffic) callsToItself() {
	served := map[*group]int{}
	for i := range t.spans {
		p := &t.spans[i]
		if p.up < 0 || p.kind() != trace.SpanKindServer {
			continue
		}
		if g := t.spans[p.up].group; g != nil && g.peer != nil {
			served[g]++
		}
	}
	for g, n := range served {
		if n >= leastAfter {
			g.peer, g.name = nil, "call to itself"
		}
	}
}

// share gives each group its spans, by start, and each unit its durations.
func (t *traffic) share(now int64) {
	spans, durations := make([]*span, len(t.spans)), make([]float64, len(t.spans))
	for _, g := range t.groups {
		g.spans, spans = spans[:0:g.n], spans[g.n:]
		for _, u := range g.units {
			u.durations, durations = durations[:0:u.n], durations[u.n:]
		}
	}
	for i := range t.spans {
		p := &t.spans[i]
		if p.group == nil {
			continue
		}
		p.group.spans = append(p.group.spans, p)
		if !p.open {
			p.unit.durations = append(p.unit.durations, p.seconds())
		}
	}
	for _, g := range t.groups {
		t.work.sort(g.spans, now)
		t.pace.step(len(g.spans))
	}
}

// serves tells whether the spans are requests of others.
func (g *group) serves() bool {
	return g.kind == trace.SpanKindServer || g.kind == trace.SpanKindConsumer
}

func byStart(a, b *span) int { return cmp.Compare(a.start, b.start) }

// leastPast is how many spans make a past.
const leastPast = 50

// remember takes what was short before for what is short, when all that is kept
// is slow beyond what ever was usual: the rings no longer reach back to that.
func (u *unit) remember() {
	if u.past.Count >= leastPast && len(u.durations) >= leastAfter {
		m, p50, p95 := nth(u.durations, 0.5), float64(u.past.P50), float64(u.past.P95)
		// The past may hold a part of what is wrong, which its median bears.
		if m > slowRatio*p50 || (m > 2*p50 && m > 1.5*p95) {
			u.low, u.slower = float64(u.past.P50), true
		}
	}
}

func (r *reader) add(h *store.SpanHead) {
	t, open := r.traffic, h.End == 0
	slot, old := r.byID.slot(t.spans, h.SpanID)
	if old >= 0 {
		if p := &t.spans[old]; !open && p.open { // it ended while they were read
			p.end, p.open, p.failed, p.message = h.End, false, h.Failed, r.text(h.Message)
			if p.unit != nil {
				p.unit.n++
			}
		}
		return
	}
	if h.Start > r.now+int64(leastAhead) {
		t.ahead = append(t.ahead, span{trace: h.TraceID, start: h.Start})
		return
	}
	t.spans = append(t.spans, span{
		trace: h.TraceID, id: h.SpanID, parent: h.ParentID, start: h.Start, end: h.End, failed: h.Failed, open: open, deep: true, message: r.text(h.Message),
		panicked: h.Panicked,
	})
	p := &t.spans[len(t.spans)-1]
	if p.panicked && p.message == "" {
		p.message = "panic: " + string(h.Exception())
	}
	r.byID.put(t.spans, slot)
	if open {
		p.end = r.now
	}
	if string(h.Scope) == keys.ScopeBulk || string(h.Scope) == keys.ScopeHealth {
		return
	}
	m := r.member(h)
	p.group, p.unit = m.group, m.unit
	p.early = time.Unix(0, p.start).Before(r.settled)
	m.group.n++
	if !open {
		m.unit.n++
	}
}

// text returns a text that stays, the same one for all that are equal.
func (r *reader) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	s, ok := r.texts[string(b)]
	if !ok {
		s = string(b)
		r.texts[s] = s
	}
	return s
}

// member returns where the span belongs.
func (r *reader) member(h *store.SpanHead) member {
	called := peerOf(h)
	r.key = append(called.key(append(r.key[:0], byte(h.Kind))), h.Name...)
	m, ok := r.units[string(r.key)]
	if !ok {
		m = member{r.group(h, &called), &unit{name: string(h.Name)}}
		m.group.units = append(m.group.units, m.unit)
		r.units[string(r.key)] = m
	}
	return m
}

// group returns the group of a new name, whose key is in r.key.
func (r *reader) group(h *store.SpanHead, called *peerParts) *group {
	key, of := r.key, called.peer()
	if of != nil {
		key = key[:len(key)-len(h.Name)]
	}
	g := r.groups[string(key)]
	if g == nil {
		g = &group{name: string(h.Name), peer: of, kind: h.Kind, causes: map[*group]int{}}
		if of != nil {
			g.name = of.name()
		}
		r.groups[string(key)] = g
		r.traffic.groups = append(r.traffic.groups, g)
	}
	return g
}
