package diagnosis

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
)

// causes reduces the findings to those that no other explains, which name the
// others as their consequences, the most likely cause first.
func (s *snapshot) causes(found []*finding) []*finding {
	found = oneDisk(absorb(found))
	explained := map[*finding]bool{}
	effects := map[*finding][]*finding{}
	for _, a := range found {
		for _, b := range found {
			if s.explains(a, b) && (!s.explains(b, a) || a.before(b)) {
				effects[a] = append(effects[a], b)
				explained[b] = true
			}
		}
	}
	for _, list := range effects { // as spans come and go, so does the order in which groups are found
		slices.SortFunc(list, func(a, b *finding) int {
			return cmp.Or(strings.Compare(a.Component, b.Component), strings.Compare(a.Kind, b.Kind))
		})
	}
	var roots []*finding
	for _, f := range found {
		if explained[f] {
			continue
		}
		roots = append(roots, f)
		for _, b := range reach(f, effects) {
			if weight(b.Severity) > weight(f.Severity) {
				f.Severity = b.Severity
			}
			if told := effect(b.Kind, b.Component); len(f.Consequences) < maxConsequences && !slices.Contains(f.Consequences, told) {
				f.Consequences = append(f.Consequences, told)
			}
		}
	}
	slices.SortFunc(roots, func(a, b *finding) int {
		return cmp.Or(
			weight(b.Severity)-weight(a.Severity), recentFirst(a, b), len(b.Consequences)-len(a.Consequences), cmp.Compare(b.Confidence, a.Confidence),
			a.FirstSeen.Compare(b.FirstSeen), strings.Compare(a.Component, b.Component), strings.Compare(a.Kind, b.Kind),
		)
	})
	return roots
}

func weight(severity string) int { return slices.Index([]string{Info, Warning, Critical}, severity) }

// recentFirst puts what was ever so last.
func recentFirst(a, b *finding) int {
	switch {
	case a.lasts() == b.lasts():
		return 0
	case a.lasts():
		return 1
	default:
		return -1
	}
}

// before orders findings of which each could explain the other.
func (f *finding) before(other *finding) bool {
	return cmp.Or(f.FirstSeen.Compare(other.FirstSeen), strings.Compare(f.Component, other.Component)) < 0
}

// reach returns all that follows from f, the nearest first.
func reach(f *finding, effects map[*finding][]*finding) []*finding {
	seen := map[*finding]bool{f: true}
	list := []*finding{}
	for next := effects[f]; len(next) > 0; {
		b := next[0]
		next = next[1:]
		if !seen[b] {
			seen[b] = true
			list = append(list, b)
			next = append(slices.Clone(next), effects[b]...)
		}
	}
	return list
}

// absorb makes one finding of what calls and a check say about a dependency,
// under the name of the check, which people gave.
func absorb(found []*finding) []*finding {
	return slices.DeleteFunc(slices.Clone(found), func(c *finding) bool {
		if c.check == nil || c.check.Muted {
			return false
		}
		i := slices.IndexFunc(found, func(f *finding) bool {
			return f.check == nil && f.group != nil && f.group.peer != nil && f.group.peer.matches(c.check.Name)
		})
		if i < 0 {
			return false
		}
		f := found[i]
		f.check, f.Component, f.Confidence = c.check, c.Component, max(f.Confidence, c.Confidence)
		f.said += "\n" + c.said
		if c.Kind == KindDependencyDown {
			f.Kind, f.Cause = c.Kind, c.Cause
		}
		if weight(c.Severity) > weight(f.Severity) {
			f.Severity = c.Severity
		}
		if c.FirstSeen.Before(f.FirstSeen) {
			f.FirstSeen = c.FirstSeen
		}
		f.Evidence = slices.Concat(c.Evidence[:1], f.Evidence)
		f.Evidence = f.Evidence[:min(len(f.Evidence), maxEvidence)]
		f.Next = append(f.Next, c.Next...)
		f.Next = f.Next[:min(len(f.Next), maxNext)]
		return true
	})
}

// oneDisk makes what names a full disk best the finding about it: a check, what
// failed deepest, or what failed first.
func oneDisk(found []*finding) []*finding {
	var best *finding
	better := func(f *finding) bool {
		switch {
		case best == nil || (f.check != nil) != (best.check != nil):
			return best == nil || f.check != nil
		case best.group != nil && f.group != nil:
			return best.group.blames(f.group)
		default:
			return f.FirstSeen.Before(best.FirstSeen)
		}
	}
	for _, f := range found {
		if noSpace.MatchString(f.said) && better(f) {
			best = f
		}
	}
	if best != nil && best.Kind != KindDiskFull {
		text := noSpaceLine(best.said)
		best.Kind, best.Cause = KindDiskFull, cut("the disk that "+best.Component+" writes to is full: "+text, maxText)
	}
	return found
}

// noSpaceLine returns the line that says so.
func noSpaceLine(said string) string {
	for line := range strings.Lines(said) {
		if noSpace.MatchString(line) {
			return line
		}
	}
	return said
}

// soon is how much later than its effect a cause may be seen.
const soon = time.Minute

// explains tells whether a is the cause of b.
func (s *snapshot) explains(a, b *finding) bool {
	switch {
	case a.Kind == KindDiskFull && noSpace.MatchString(b.said):
		return b.Kind != KindDiskFull || b.check == nil
	case a.lasts() && !b.lasts() && b.FirstSeen.After(a.FirstSeen.Add(soon)):
		return false // it was so before b was
	case a.group != nil && b.group != nil && a.group != b.group && b.group.blames(a.group):
		return true
	case a.group != nil && a.group == b.group:
		return hasShape(a.Kind) && !hasShape(b.Kind)
	case a.FirstSeen.After(b.FirstSeen.Add(soon)):
		return false
	case b.op != nil:
		return s.explainsOperation(a, b)
	case b.check != nil && b.group == nil:
		return explainsCheck(a, b)
	default:
		return s.explainsResource(a, b)
	}
}

// hasShape tells a finding that says why requests are slow from one that says
// that they are.
func hasShape(kind string) bool {
	return kind == KindPanics || kind == KindNPlusOne || kind == KindLockContention || kind == KindSpansUnfinished || kind == KindDiskFull
}

// explainsOperation looks for calls of a in the trace of the operation, and for
// its name or its error text in what failed items said.
func (s *snapshot) explainsOperation(a, b *finding) bool {
	if a.op != nil && a.op.ID == b.op.ID {
		return a.Kind == KindBulkErrors || b.Kind == KindOperationFailed
	}
	if a.group == nil {
		return a.check != nil && strings.Contains(b.said, a.check.Name)
	}
	if id, err := trace.TraceIDFromHex(b.op.TraceID); err == nil && slices.ContainsFunc(a.group.spans, func(p *span) bool { return p.bad && p.trace == id }) {
		return true
	}
	return a.group.peer != nil && (strings.Contains(b.said, a.group.saying) || strings.Contains(b.said, a.group.name))
}

// explainsCheck knows the checks that another check explains, and those that
// measure what a is about.
func explainsCheck(a, b *finding) bool {
	if a.check != nil && a.Kind != KindFlapping {
		told := b.check.SuppressedBy
		if a.check.Name == told || told == "" && b.check.Muted && !a.check.Muted {
			return true
		}
	}
	measures := measuring(a.Kind)
	return (len(measures) > 0 && slices.ContainsFunc(words(b.check.Name), func(w string) bool { return slices.Contains(measures, w) })) ||
		(a.group != nil && a.group.peer != nil && strings.Contains(b.said, a.group.name))
}

// measuring returns words of the names of checks that measure what a finding of
// this kind is about.
func measuring(kind string) []string {
	switch kind {
	case KindMemoryGrowth:
		return []string{"memory", "heap", "mem"}
	case KindGoroutineLeak:
		return []string{"goroutines", "goroutine", "memory"}
	case KindCPUSaturated:
		return []string{"cpu", "scheduler", "scheduling", "sched", "load"}
	case KindPoolExhausted:
		return []string{"pool", "connections"}
	case KindQueueBacklog:
		return []string{"queue", "backlog", "lag"}
	case KindTelemetryStuck, KindTelemetryLost:
		return []string{"telemetry", "delivery", "exporter", "otlp"}
	default:
		return nil
	}
}

// explainsResource knows what follows from what is short.
func (s *snapshot) explainsResource(a, b *finding) bool {
	isDependency := a.group != nil && a.group.peer != nil
	switch b.Kind {
	case KindPoolExhausted:
		return isDependency && a.group.peer.owns(b.Component) || a.Kind == KindNPlusOne || a.Kind == KindCPUSaturated
	case KindLatency, KindErrorRate, KindLockContention:
		return a.Kind == KindCPUSaturated && b.Kind != KindErrorRate ||
			a.Kind == KindPoolExhausted && b.group != nil && s.calls(b.group, a.Component)
	case KindDependencySlow:
		return a.Kind == KindCPUSaturated
	case KindMemoryGrowth:
		return a.Kind == KindGoroutineLeak || isDependency && a.group.stuck()
	case KindGoroutineLeak:
		return isDependency && a.group.stuck() && 3*a.seen >= b.seen
	case KindSpansUnfinished:
		return a.Kind == KindGoroutineLeak && 2*a.seen >= b.seen
	case KindQueueBacklog:
		return a.Kind == KindCPUSaturated || slices.ContainsFunc(s.traffic.groups, func(g *group) bool {
			return g.kind == trace.SpanKindConsumer && (g == a.group || g.blames(a.group))
		})
	default:
		return false
	}
}

// calls tells whether spans of g, or below them, call the database that a pool
// belongs to.
func (s *snapshot) calls(g *group, pool string) bool {
	for _, other := range s.traffic.groups {
		if other.peer == nil || other.peer.system == "" || !other.peer.owns(pool) {
			continue
		}
		for _, p := range other.spans {
			hit := false
			s.traffic.above(p, func(up *span) { hit = hit || up.group == g })
			if hit {
				return true
			}
		}
	}
	return false
}

// varying is what is not the same in all records of a pattern, or not kept as it
// is on one line.
var varying = regexp.MustCompile(`<(?:num|hex|uuid|str|\*)>|\x{FFFD}|[^\pL\pM\pN\pP\pS ]`)

// findable returns the longest text that is in all records of a pattern, empty
// where that is next to nothing.
func findable(p *store.Pattern) string {
	longest := ""
	for _, part := range varying.Split(p.Template, -1) {
		if part = strings.TrimSpace(part); len(part) > max(2, len(longest)) && strings.Contains(p.Sample, part) {
			longest = part
		}
	}
	return longest
}

// quote adds what the program logged in the traces of the findings, of patterns
// of errors. It is the cause where no span tells one.
func (s *snapshot) quote(found []*finding, patterns []store.Pattern) {
	of := map[trace.TraceID]*store.Pattern{}
	for i := range patterns {
		p := &patterns[i]
		if id, err := trace.TraceIDFromHex(p.TraceID); err == nil && p.Event == "" {
			of[id] = p
		}
	}
	for i := range s.traffic.spans {
		p := &s.traffic.spans[i]
		if !p.bad || len(of) == 0 {
			continue
		}
		pattern := of[p.trace]
		if pattern == nil {
			continue
		}
		i := slices.IndexFunc(found, func(f *finding) bool { return f.group != nil && (f.group == p.cause || f.group == p.group) })
		if i < 0 {
			continue
		}
		delete(of, p.trace)
		text := findable(pattern)
		if text == "" {
			continue
		}
		if found[i].group.saying == noText {
			found[i].Cause = cut(strings.Replace(found[i].Cause, noText, pattern.Sample, 1), maxText)
		}
		found[i].show(ByLog, text, pattern.Last, pattern.Template, "{record}", float64(pattern.Count), 0)
		found[i].ask("search_logs", "what was logged with it", "text", text, "level", pattern.Level)
	}
}
