package diagnosis

import (
	"math"
	"slices"
)

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
		g.leaveStart(&t.work)
		g.judge(&t.work)
		t.pace.step(len(g.spans))
	}
	t.lasting()
	for i := range t.spans {
		if p := &t.spans[i]; p.bad {
			t.above(p, func(up *span) { up.deep = false })
		}
	}
	t.blame()
}

// farSlower is how many times longer than in a start a name has to take for the
// start to be what is usual.
const farSlower = 3

// leaveStart leaves out what began while the program started, which is slower
// than usual. If what came after is far slower, a fault began meanwhile.
func (g *group) leaveStart(w *workspace) {
	n := 0
	for n < len(g.spans) && g.spans[n].early {
		n++
	}
	if n >= leastBefore && g.quick(w, n, len(g.spans)) >= farSlower*g.quick(w, 0, n) {
		return
	}
	g.spans = g.spans[n:]
}

// quick is the ratio that three of four spans exceed, NaN of none.
func (g *group) quick(w *workspace, from, to int) float64 {
	w.values = w.values[:0]
	for _, p := range g.spans[from:to] {
		w.values = append(w.values, p.ratio)
	}
	return nth(w.values, 0.25)
}

func (g *group) judge(w *workspace) {
	n := len(g.spans)
	ratios := w.ratios[:0]
	fails := 0
	for _, p := range g.spans {
		ratios = append(ratios, p.ratio)
		if p.failed {
			fails++
		}
	}
	w.ratios = ratios
	if fails > 0 {
		g.errors = shareRises(n, func(i int) bool { return g.spans[i].failed })
	}
	g.limit = slowRatio
	if g.latency = w.rise(ratios); g.latency.found {
		g.limit = math.Sqrt(g.latency.before * g.latency.after)
	} else if c := shareRises(n, func(i int) bool { return ratios[i] > slowRatio }); c.found && c.after >= 0.1+3*c.before {
		g.latency = c
	}
	if g.latency.found {
		g.was, g.is = g.typical(w, 0, g.latency.at), g.typical(w, g.latency.at, n)
		g.latency.found = g.is-g.was >= leastSlower
	}
	g.remember(w, ratios, fails)
	for i, p := range g.spans {
		p.bad = (g.errors.found && i >= g.errors.at && p.failed) || (g.latency.found && i >= g.latency.at && p.ratio > g.limit)
		if p.bad {
			g.bad++
		}
	}
	g.saying = g.said()
}

// remember compares all that is kept with what was before it, for changes that
// are older than the oldest span.
func (g *group) remember(w *workspace, ratios []float64, fails int) {
	past, failed := 0, 0
	for _, u := range g.units {
		past, failed = past+u.past.Count, failed+u.past.Errors
	}
	if past < leastPast {
		return
	}
	slower := 0
	for _, p := range g.spans {
		if p.unit.slower {
			slower++
		}
	}
	was, is := float64(failed)/float64(past), float64(fails)/float64(len(g.spans))
	if (!g.errors.found || math.IsNaN(g.errors.before)) && fails >= 8 && is >= 3*was+0.05 {
		g.errors = change{found: true, before: was, after: is}
	}
	if g.latency.found || 2*slower <= len(g.spans) {
		return
	}
	if is, high := w.median(ratios), g.typical(w, 0, len(g.spans)); high >= leastSlower {
		g.latency, g.limit = change{found: true, before: 1, after: is}, math.Sqrt(is)
		g.was, g.is = 0, high
		for _, u := range g.units {
			g.was = max(g.was, float64(u.past.P95))
		}
	}
}

// typical is a high duration of some spans in seconds, NaN of none.
func (g *group) typical(w *workspace, from, to int) float64 {
	w.values = w.values[:0]
	for _, p := range g.spans[from:to] {
		w.values = append(w.values, p.seconds())
	}
	return nth(w.values, 0.9)
}

// noText stands for the error text of what fails without one.
const noText = "no text tells why"

// said returns the most frequent error text of the bad spans.
func (g *group) said() string {
	count := map[string]int{}
	most := noText
	for _, p := range g.spans {
		if p.bad && p.message != "" {
			count[p.message]++
			if count[p.message] > count[most] {
				most = p.message
			}
		}
	}
	return most
}

// blame gives every bad span the group of the deepest bad span below it.
func (t *traffic) blame() {
	for i := range t.spans {
		p := &t.spans[i]
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
		p = &t.spans[p.up]
		f(p)
	}
}

// blames tells whether most of what is bad in g is the fault of other.
func (g *group) blames(other *group) bool {
	return 2*g.causes[other] >= g.bad && g.bad > 0
}
