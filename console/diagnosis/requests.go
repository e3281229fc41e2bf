package diagnosis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// slowOrFailing finds dependencies and spans of the program's own that fail
// more often, or take longer, than they did.
func slowOrFailing(s *snapshot) []*finding {
	var found []*finding
	for _, g := range s.traffic.groups {
		if g.bad == 0 || (!g.errors.found && !g.latency.found) {
			continue
		}
		found = append(found, s.aboutGroup(g))
	}
	return found
}

// aboutGroup makes the finding about a group that went bad.
func (s *snapshot) aboutGroup(g *group) *finding {
	c, first := g.errors, g.first()
	stuck := g.stuck()
	name := strings.TrimSpace(g.name)
	var f *finding
	switch {
	case g.peer != nil && stuck:
		f = find(KindDependencyDown, name, first, 0.85,
			fmt.Sprintf("calls of %s do not return", name), fmt.Sprintf("%s accepts calls and does not answer them", name))
	case g.errors.found && g.peer != nil && c.after >= 0.5:
		f = find(KindDependencyDown, name, first, sure(c, g.bad), "", "")
		f.Summary = cut(fmt.Sprintf("%s of calls of %s fail", percent(c.after), name), maxText)
		f.Cause = cut(fmt.Sprintf("%s is down or out of reach: %s", name, g.saying()), maxText)
	case g.errors.found:
		f = find(KindErrorRate, name, first, sure(c, g.bad),
			fmt.Sprintf("%s of %s fail, %s before", percent(c.after), name, percent(c.before)),
			fmt.Sprintf("%s fails: %s", name, g.saying()))
	default:
		f = s.slower(g, name, first)
	}
	if g.peer == nil && c.found && c.after >= 0.25 && (g.kind == trace.SpanKindServer || g.kind == trace.SpanKindConsumer) {
		f.Severity = Critical
	}
	f.group, f.seen, f.said = g, g.bad, g.saying()
	g.examples(f)
	return f
}

// slower makes the finding about a group that only takes longer.
func (s *snapshot) slower(g *group, name string, first time.Time) *finding {
	at := g.latency.at
	was, is := g.usual(), g.typical(at, len(g.spans))
	what := fmt.Sprintf("%s takes %s (90th percentile), %s before", name, seconds(is), seconds(was))
	if g.peer != nil {
		return find(KindDependencySlow, name, first, sure(g.latency, g.bad), what, name+" answers slowly: "+what)
	}
	return find(KindLatency, name, first, sure(g.latency, g.bad), what, name+" itself became slow, nothing that it calls did")
}

// usual is how long the spans took before they became slow.
func (g *group) usual() float64 {
	if g.latency.at > 0 {
		return g.typical(0, g.latency.at)
	}
	worst := 0.0
	for _, p := range g.spans {
		if p.unit.past.Count > 0 {
			worst = max(worst, float64(p.unit.past.P95))
		}
	}
	return worst
}

// examples adds the worst and the first of the bad spans as evidence.
func (g *group) examples(f *finding) {
	bad := g.badSpans()
	slices.SortStableFunc(bad, func(a, b *span) int { return cmp.Compare(b.seconds(), a.seconds()) })
	usual := math.NaN()
	if g.latency.found {
		usual = g.usual()
	}
	shown := map[trace.TraceID]bool{}
	for _, p := range bad {
		if len(shown) == 2 || shown[p.trace] {
			break
		}
		shown[p.trace] = true
		text := p.unit.name
		if p.failed {
			text += ": " + cmp.Or(p.message, "failed")
		} else if p.open {
			text += ", unfinished"
		}
		f.show(ByTrace, p.trace.String(), time.Unix(0, p.start), text, "s", p.seconds(), usual)
	}
	if len(bad) > 0 {
		f.ask("get_trace", "what the slowest of them waited for", "trace_id", bad[0].trace.String(), "view", "critical_path")
	}
	if g.errors.found {
		f.ask("search_traces", "more that failed", "name", bad[0].unit.name, "errors_only", true)
	}
}

// badSpans returns those that went bad, a copy.
func (g *group) badSpans() []*span {
	list := make([]*span, 0, g.bad)
	for _, p := range g.spans {
		if p.bad {
			list = append(list, p)
		}
	}
	return list
}

// first returns when the first span went bad.
func (g *group) first() time.Time {
	for _, p := range g.spans {
		if p.bad {
			return time.Unix(0, p.start)
		}
	}
	return time.Time{}
}

// stuck tells whether most of what is bad has not ended at all.
func (g *group) stuck() bool {
	open := 0
	for _, p := range g.spans {
		if p.bad && p.open {
			open++
		}
	}
	return open >= 3 && 2*open > g.bad
}

// saying returns the most frequent error text of the bad spans.
func (g *group) saying() string {
	count := map[string]int{}
	most := "no text tells why"
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

// sure is how much a change with so many bad spans is believed.
func sure(c change, bad int) float64 {
	v := 0.95 - 0.5/math.Sqrt(float64(max(bad, 1)))
	if math.IsNaN(c.before) {
		v -= 0.25 // nothing better is known to compare with
	}
	return math.Round(100*max(v, 0.1)) / 100
}

func percent(share float64) string {
	if math.IsNaN(share) {
		return "unknown"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

func seconds(v float64) string {
	return figure.Seconds(store.Number(v))
}

// neverEnded finds spans that are begun and not ended: nothing below them runs,
// and others of their name end in a fraction of the time.
func neverEnded(s *snapshot) []*finding {
	var found []*finding
	for _, g := range s.traffic.groups {
		if g.peer != nil || g.stuckBelow() {
			continue
		}
		var open []*span
		longest := 0.0
		for _, p := range g.spans {
			if !p.open {
				longest = max(longest, p.seconds())
			} else if p.seconds() >= 30 {
				open = append(open, p)
			}
		}
		open = slices.DeleteFunc(open, func(p *span) bool {
			return longest > 0 && p.seconds() < 10*longest || longest == 0 && p.seconds() < 120
		})
		if len(open) < 5 || (longest == 0 && len(open) < 10) {
			continue
		}
		f := find(KindSpansUnfinished, g.name, time.Unix(0, open[0].start), sure(change{}, len(open)),
			fmt.Sprintf("%d spans %s are unfinished, the oldest for %s", len(open), g.name, seconds(open[0].seconds())),
			fmt.Sprintf("%s is begun and not ended on some path: End is not called, or what it does never returns", g.name))
		f.group, f.seen = g, len(open)
		usual := longest
		if usual == 0 {
			usual = math.NaN()
		}
		f.show(ByTrace, open[0].trace.String(), time.Unix(0, open[0].start), g.name+", unfinished", "s", open[0].seconds(), usual)
		f.ask("search_traces", "all that are unfinished", "name", g.name, "running", true)
		f.ask("get_runtime", "where goroutines wait", "sections", "goroutines")
		found = append(found, f)
	}
	return found
}

// stuckBelow tells whether calls below the spans have not returned.
func (g *group) stuckBelow() bool {
	for cause := range g.causes {
		if cause.peer != nil && cause.stuck() {
			return true
		}
	}
	return false
}
