package diagnosis

import (
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// span is what the rules need of a span.
type span struct {
	trace      trace.TraceID
	start, end int64 // nanoseconds; an unfinished span ends now
	parent     trace.SpanID
	up         int32   // index of the parent, -1 when it is not here
	group      *group  // nil for spans of packages bulk and health
	unit       *unit   // spans of the same name in the group
	cause      *group  // whose fault it was, of a bad one
	ratio      float64 // of its duration to what is short for its name
	message    string
	failed     bool
	open       bool // unfinished
	bad        bool // part of what went wrong in its group
	deep       bool // no bad span below it
	children   int32
}

func (p *span) seconds() float64 { return time.Duration(p.end - p.start).Seconds() }

// group is all spans of a name and kind, or all calls of a dependency.
type group struct {
	name  string
	peer  *peer // nil for the program's own work
	kind  trace.SpanKind
	spans []*span // by start

	errors, latency change
	limit           float64 // ratio above which a span is slow
	bad             int
	causes          map[*group]int // bad spans by whose fault it was
}

type unit struct {
	name      string
	durations []float64 // of those that have ended
	low       float64
	slower    bool              // than it was before what is kept
	past      store.SpanFigures // before the last five minutes, of spans that may be gone
}

// peer is something outside the program that it calls.
type peer struct{ system, address, namespace, service string }

type groupKey struct {
	peer peer
	name string
	kind trace.SpanKind
}

type unitKey struct {
	group *group
	name  string
}

// traffic is all spans that the rules look at.
type traffic struct {
	spans  []*span
	groups []*group
}

// reader sorts spans into groups.
type reader struct {
	traffic *traffic
	now     time.Time
	byID    map[trace.SpanID]int32
	groups  map[groupKey]*group
	units   map[unitKey]*unit
	pool    []span // made many at a time
}

// readSpans reads about n spans.
func readSpans(st *store.Store, from, now time.Time, n int) *traffic {
	r := &reader{
		traffic: &traffic{spans: make([]*span, 0, n)}, now: now, byID: make(map[trace.SpanID]int32, n), groups: map[groupKey]*group{}, units: map[unitKey]*unit{},
		pool: make([]span, 0, 1024),
	}
	st.EachSpan(from, r.add)
	t := r.traffic
	for _, p := range t.spans {
		if i, ok := r.byID[p.parent]; ok {
			p.up = i
			t.spans[i].children++
		}
	}
	past := map[groupKey]store.SpanFigures{}
	for _, stat := range st.SpanStats(store.SpanStatQuery{Limit: math.MaxInt}).Names {
		if key := statKey(stat.Name, stat.Kind); stat.Before.Count > past[key].Count {
			past[key] = stat.Before
		}
	}
	for key, u := range r.units {
		u.low = quantile(u.durations, 0.25)
		u.past = past[statKey(store.CleanLine(u.name), key.group.kind.String())]
		u.remember()
	}
	return t
}

// statKey is what statistics are looked up by.
func statKey(name, kind string) groupKey { return groupKey{name: name, peer: peer{system: kind}} }

// leastPast is how many spans make a past.
const leastPast = 50

// remember takes what was short before for what is short, when all that is kept
// is slow beyond what ever was usual: the rings no longer reach back to that.
func (u *unit) remember() {
	if u.past.Count >= leastPast && len(u.durations) >= leastAfter {
		m, p50, p95 := median(u.durations), float64(u.past.P50), float64(u.past.P95)
		// The past may hold a part of what is wrong, which its median bears.
		if m > slowRatio*p50 || (m > 2*p50 && m > 1.5*p95) {
			u.low, u.slower = float64(u.past.P50), true
		}
	}
}

func (r *reader) add(h *store.SpanHead) {
	t, open := r.traffic, h.End.IsZero()
	if old, ok := r.byID[h.SpanID]; ok {
		if p := t.spans[old]; !open && p.open { // it ended while they were read
			p.end, p.open, p.failed, p.message = h.End.UnixNano(), false, h.Failed, h.Message
			p.unit.durations = append(p.unit.durations, p.seconds())
		}
		return
	}
	if len(r.pool) == cap(r.pool) {
		r.pool = make([]span, 0, cap(r.pool))
	}
	r.pool = append(r.pool, span{
		trace: h.TraceID, start: h.Start.UnixNano(), end: h.End.UnixNano(), parent: h.ParentID, up: -1,
		failed: h.Failed, open: open, deep: true, message: h.Message,
	})
	p := &r.pool[len(r.pool)-1]
	if open {
		p.end = r.now.UnixNano()
	}
	r.byID[h.SpanID] = int32(len(t.spans))
	t.spans = append(t.spans, p)
	if h.Scope == keys.ScopeBulk || h.Scope == keys.ScopeHealth {
		p.unit = &unit{}
		return
	}
	p.group = r.group(h)
	p.unit = r.units[unitKey{p.group, h.Name}]
	if p.unit == nil {
		p.unit = &unit{name: h.Name}
		r.units[unitKey{p.group, h.Name}] = p.unit
	}
	p.group.spans = append(p.group.spans, p)
	if !open {
		p.unit.durations = append(p.unit.durations, p.seconds())
	}
}

// group returns the group that the span belongs to.
func (r *reader) group(h *store.SpanHead) *group {
	key := groupKey{kind: h.Kind}
	if key.peer = peerOf(h); key.peer == (peer{}) {
		key.name = h.Name
	}
	g := r.groups[key]
	if g != nil {
		return g
	}
	g = &group{name: key.name, kind: h.Kind, causes: map[*group]int{}}
	if key.peer != (peer{}) {
		of := key.peer
		g.peer, g.name = &of, of.name()
	}
	r.groups[key] = g
	r.traffic.groups = append(r.traffic.groups, g)
	return g
}

// peerOf reads whom a span calls, nothing when it is the program's own work.
func peerOf(h *store.SpanHead) peer {
	var p peer
	outward := h.Kind == trace.SpanKindClient || h.Kind == trace.SpanKindProducer
	h.Texts(func(key, value string) {
		switch key {
		case "db.system.name", "db.system":
			p.system, outward = value, true
		case "messaging.system", "rpc.system":
			p.system = value
		case "server.address", "net.peer.name":
			p.address = value
		case "db.namespace", "db.name", "messaging.destination.name":
			p.namespace = value
		case "peer.service", "rpc.service":
			p.service = value
		}
	})
	if !outward || h.Kind == trace.SpanKindServer || h.Kind == trace.SpanKindConsumer {
		return peer{}
	}
	return p
}

func (p *peer) name() string {
	switch local := p.address == "localhost" || strings.HasPrefix(p.address, "127.") || p.address == "::1"; {
	case p.service != "":
		return p.service
	case p.address != "" && !local:
		return p.address
	case p.system != "" && p.namespace != "":
		return p.system + " " + p.namespace
	case p.system != "":
		return p.system
	default:
		return p.address
	}
}

// matches tells whether a name that people gave, such as that of a check or a
// pool, is likely to mean this peer.
func (p *peer) matches(name string) bool {
	isSQL := p.system != "" && !slices.Contains([]string{"redis", "valkey", "memcached", "kafka", "rabbitmq", "grpc"}, p.system)
	for _, w := range words(name) {
		switch w {
		case "db", "database", "sql":
			if isSQL {
				return true
			}
		case "cache":
			if p.system == "redis" || p.system == "valkey" || p.system == "memcached" {
				return true
			}
		case "api", "service", "internal", "local", "localhost", "http", "https", "check", "health", "server", "client", "main", "the", "com", "net", "org", "svc", "cluster", "pool":
		default:
			for _, v := range words(p.system + " " + p.address + " " + p.namespace + " " + p.service) {
				if len(w) >= 3 && len(v) >= 3 && (strings.HasPrefix(v, w) || strings.HasPrefix(w, v)) {
					return true
				}
			}
		}
	}
	return false
}

// owns tells whether a pool of this name is likely to hold connections to it.
func (p *peer) owns(pool string) bool {
	return p.namespace == pool || p.address == pool || p.matches(pool)
}

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

// leastSlower is the least slowness that is worth a word.
const leastSlower = 0.005

// slowRatio is how many times longer than what is short for its name a span
// takes to count as slow where only part of them become slow.
const slowRatio = 4

// judge finds what has changed for the worse in each group, and which spans are
// part of that.
func (t *traffic) judge() {
	for _, g := range t.groups {
		g.spans = slices.DeleteFunc(g.spans, func(p *span) bool {
			p.ratio = p.seconds() / max(p.unit.low, 1e-6)
			if math.IsNaN(p.ratio) { // none of its name has ever ended
				p.ratio = 1e6
			}
			// A young span has no duration yet.
			return p.open && (p.ratio < slowRatio || p.seconds() < 1)
		})
		slices.SortFunc(g.spans, func(a, b *span) int { return int(min(max(a.start-b.start, -1), 1)) })
		g.judge()
	}
	for _, p := range t.spans {
		if p.bad {
			t.above(p, func(up *span) { up.deep = false })
		}
	}
	t.blame()
}

func (g *group) judge() {
	n := len(g.spans)
	if n < leastAfter {
		return
	}
	failed, slow, ratios := make([]bool, n), make([]bool, n), make([]float64, n)
	fails := 0
	for i, p := range g.spans {
		failed[i], ratios[i], slow[i] = p.failed, p.ratio, p.ratio > slowRatio
		if p.failed {
			fails++
		}
	}
	if fails > 0 {
		g.errors = shareRises(failed)
	}
	g.limit = slowRatio
	if g.latency = rise(ratios); g.latency.found {
		g.limit = math.Sqrt(g.latency.before * g.latency.after)
	} else if c := shareRises(slow); c.found && c.after >= 0.1+3*c.before {
		g.latency = c
	}
	if g.latency.found && g.typical(g.latency.at, n)-g.typical(0, g.latency.at) < leastSlower {
		g.latency = change{}
	}
	g.remember(ratios, fails)
	for i, p := range g.spans {
		p.bad = (g.errors.found && i >= g.errors.at && p.failed) || (g.latency.found && i >= g.latency.at && p.ratio > g.limit)
		if p.bad {
			g.bad++
		}
	}
}

// remember compares all that is kept with what was before it, for changes that
// are older than the oldest span.
func (g *group) remember(ratios []float64, fails int) {
	units := map[*unit]bool{}
	slower := 0
	for _, p := range g.spans {
		units[p.unit] = true
		if p.unit.slower {
			slower++
		}
	}
	past, failed := 0, 0
	for u := range units {
		past, failed = past+u.past.Count, failed+u.past.Errors
	}
	if past < leastPast {
		return
	}
	was, is := float64(failed)/float64(past), float64(fails)/float64(len(g.spans))
	if (!g.errors.found || math.IsNaN(g.errors.before)) && fails >= 8 && is >= 3*was+0.05 {
		g.errors = change{found: true, before: was, after: is}
	}
	if is := median(ratios); !g.latency.found && 2*slower > len(g.spans) && is >= 2 && g.typical(0, len(g.spans)) >= leastSlower {
		g.latency, g.limit = change{found: true, before: 1, after: is}, math.Sqrt(is)
	}
}

// typical is a high duration of some spans in seconds, NaN-free.
func (g *group) typical(from, to int) float64 {
	d := make([]float64, 0, to-from)
	for _, p := range g.spans[from:to] {
		d = append(d, p.seconds())
	}
	if len(d) == 0 {
		return 0
	}
	return quantile(d, 0.9)
}

// blame gives every bad span the group of the deepest bad span below it.
func (t *traffic) blame() {
	for _, p := range t.spans {
		if !p.bad || !p.deep {
			continue
		}
		p.cause = p.group
		t.above(p, func(up *span) {
			if up.bad && up.cause == nil {
				up.cause = p.group
				up.group.causes[p.group]++
			}
		})
	}
}

// maxDepth bounds how far up is looked; some spans are their own ancestors.
const maxDepth = 64

// above calls f with the ancestors of p.
func (t *traffic) above(p *span, f func(*span)) {
	for steps := 0; p.up >= 0 && steps < maxDepth; steps++ {
		p = t.spans[p.up]
		f(p)
	}
}

// blames tells whether most of what is bad in g is the fault of other.
func (g *group) blames(other *group) bool {
	return g != other && 2*g.causes[other] >= g.bad && g.bad > 0
}
