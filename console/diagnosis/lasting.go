package diagnosis

import "math"

// mostUsual is the share of requests that may fail as is usual. Of requests only
// those count that are the fault of who serves them; calls may fail more often,
// as of what is looked up and not there.
const mostUsual = 0.1

// lasting finds requests that fail in part for as long as can be looked back, so
// that nothing better is known, and what they call that is why.
func (t *traffic) lasting() {
	for _, g := range t.groups {
		if g.serves() && g.bad == 0 && g.everFailed() {
			g.last()
		}
	}
	type victim struct {
		up    *span
		cause *group
	}
	seen, victims := map[victim]bool{}, map[[2]*group]int{}
	for i := range t.spans {
		p := &t.spans[i]
		if !p.failed || p.group == nil {
			continue
		}
		t.above(p, func(up *span) {
			if v := (victim{up, p.group}); up.bad && up.group.lasts && !seen[v] {
				seen[v] = true
				victims[[2]*group{up.group, p.group}]++
			}
		})
	}
	for of, n := range victims {
		// Half of them have calls below that fail by chance, and may.
		if g, cause := of[0], of[1]; 4*n >= 3*g.bad && cause.bad == 0 {
			cause.last()
		}
	}
}

// everFailed tells whether surely more than what may be usual of the spans
// failed, at first as now.
func (g *group) everFailed() bool {
	n := len(g.spans)
	if n < leastPast {
		return false
	}
	share := g.failing(0, n)
	return share-mostUsual >= leastRank*math.Sqrt(mostUsual*(1-mostUsual)/float64(n)) &&
		min(g.failing(0, n/4), g.failing(n-n/4, n)) >= share/3
}

// failing is the share of some spans that failed.
func (g *group) failing(from, to int) float64 {
	fails := 0
	for _, p := range g.spans[from:to] {
		if p.failed {
			fails++
		}
	}
	return float64(fails) / float64(to-from)
}

// last makes all that failed bad.
func (g *group) last() {
	g.lasts = true
	g.errors = change{found: true, before: math.NaN(), after: g.failing(0, len(g.spans))}
	for _, p := range g.spans {
		if p.failed {
			p.bad = true
			g.bad++
		}
	}
	g.saying = g.said()
}

// lasts tells a finding of what failed in part for as long as can be looked back.
func (f *finding) lasts() bool { return f.group != nil && f.group.lasts }
