package diagnosis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/figure"
)

// slowOrFailing finds dependencies and spans of the program's own that fail
// more often, or take longer, than they did.
func slowOrFailing(s *snapshot) []*finding {
	var found []*finding
	for _, g := range s.traffic.groups {
		if g.bad > 0 {
			found = append(found, s.aboutGroup(g))
		}
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
	case g.peer != nil && c.after >= 0.5:
		f = find(KindDependencyDown, name, first, sure(c, g.bad), "", "")
		f.Summary = cut(fmt.Sprintf("%s of calls of %s fail", percent(c.after), name), maxText)
		f.Cause = cut(fmt.Sprintf("%s is down or out of reach: %s", name, g.saying), maxText)
	case g.lasts:
		since := "as long as can be looked back"
		if s.fromStart(first) {
			since = "since the program started"
		}
		f = find(KindErrorRate, name, first, sure(c, g.bad), fmt.Sprintf("%s of %s fail, %s", percent(c.after), name, since), fmt.Sprintf("%s fails: %s", name, g.saying))
	case g.errors.found:
		f = find(KindErrorRate, name, first, sure(c, g.bad),
			fmt.Sprintf("%s of %s fail, %s before", percent(c.after), name, percent(c.before)),
			fmt.Sprintf("%s fails: %s", name, g.saying))
	default:
		f = g.slower(name, first)
	}
	if c.after >= 0.25 && g.serves() && !g.lasts {
		f.Severity = Critical
	}
	f.group, f.seen, f.said = g, g.bad, g.saying
	g.examples(f)
	return f
}

// slower makes the finding about a group that only takes longer.
func (g *group) slower(name string, first time.Time) *finding {
	took := fmt.Sprintf("%s (90th percentile), %s before", seconds(g.is), seconds(g.was))
	if g.peer != nil {
		slow := name + " answers slowly: " + took
		return find(KindDependencySlow, name, first, sure(g.latency, g.bad), slow, slow)
	}
	return find(KindLatency, name, first, sure(g.latency, g.bad), name+" takes "+took, name+" itself became slow, nothing that it calls did")
}

// examples adds the two worst traces of the bad spans as evidence.
func (g *group) examples(f *finding) {
	usual := math.NaN()
	if g.latency.found {
		usual = g.was
	}
	worst, next := g.worst()
	for _, p := range []*span{worst, next} {
		if p == nil {
			continue
		}
		text := p.unit.name
		if p.failed {
			text += ": " + cmp.Or(p.message, "failed")
		} else if p.open {
			text += ", unfinished"
		}
		f.show(ByTrace, p.trace.String(), time.Unix(0, p.start), text, "s", p.seconds(), usual)
	}
	f.ask("get_trace", "what the slowest of them waited for", "trace_id", worst.trace.String(), "view", "critical_path")
	if g.errors.found {
		f.ask("search_traces", "more that failed", "name", worst.unit.name, "errors_only", true)
	}
}

// worst returns the longest of the bad spans, of which there is one, and the
// longest in another trace, nil when there is none.
func (g *group) worst() (worst, next *span) {
	for _, p := range g.spans {
		switch {
		case !p.bad:
		case worst == nil || p.end-p.start > worst.end-worst.start:
			if worst != nil && worst.trace != p.trace {
				next = worst
			}
			worst = p
		case p.trace != worst.trace && (next == nil || p.end-p.start > next.end-next.start):
			next = p
		}
	}
	return worst, next
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
