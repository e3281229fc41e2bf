package diagnosis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// The least that makes a loop of queries: calls of one name below one span, one
// after the other, in so many requests, and the share of their time.
const (
	leastRepeats  = 10
	leastRequests = 5
	leastOfTime   = 0.4
)

// repeats is what one span calls of one name.
type repeats struct {
	n          int
	busy       float64
	start, end int64
	overlaps   bool
}

type repeatKey struct {
	parent int32
	unit   *unit
}

// nPlusOne finds requests that make a call for each row.
func nPlusOne(s *snapshot) []*finding {
	calls := map[repeatKey]*repeats{}
	for _, g := range s.traffic.groups {
		if g.peer == nil {
			continue
		}
		for _, p := range g.spans { // by start
			if p.up < 0 || s.traffic.spans[p.up].children < leastRepeats {
				continue
			}
			key := repeatKey{p.up, p.unit}
			r := calls[key]
			if r == nil {
				r = &repeats{start: p.start}
				calls[key] = r
			}
			r.overlaps = r.overlaps || p.start < r.end
			r.n++
			r.busy += p.seconds()
			r.end = p.end
		}
	}
	type loop struct {
		parent *group
		unit   *unit
	}
	loops := map[loop][]repeatKey{}
	for key, r := range calls {
		parent := &s.traffic.spans[key.parent]
		if r.n >= leastRepeats && !r.overlaps && parent.group != nil && !parent.open && s.isRequest(parent) && r.busy >= leastOfTime*parent.seconds() {
			loops[loop{parent.group, key.unit}] = append(loops[loop{parent.group, key.unit}], key)
		}
	}
	var found []*finding
	for l, in := range loops {
		if len(in) < leastRequests || 5*len(in) < s.since(l.parent, in) {
			continue
		}
		slices.SortFunc(in, func(a, b repeatKey) int { return calls[b].n - calls[a].n })
		n := calls[in[len(in)/2]].n
		worst, first := &s.traffic.spans[in[0].parent], int64(math.MaxInt64)
		for _, key := range in {
			first = min(first, s.traffic.spans[key.parent].start)
		}
		f := find(KindNPlusOne, l.parent.name, time.Unix(0, first), sure(change{}, len(in)),
			fmt.Sprintf("%s makes %d calls %s one after the other in each request", l.parent.name, n, l.unit.name),
			fmt.Sprintf("a loop in %s calls %s once for each row: ask for all rows at once", l.parent.name, l.unit.name))
		f.group, f.seen = l.parent, len(in)
		f.show(ByTrace, worst.trace.String(), time.Unix(0, worst.start), fmt.Sprintf("%d times %s", calls[in[0]].n, l.unit.name), "{span}", float64(calls[in[0]].n), math.NaN())
		f.ask("get_trace", "the loop", "trace_id", worst.trace.String(), "view", "tree")
		found = append(found, f)
	}
	return found
}

// since counts the spans of a group from the first of some on.
func (s *snapshot) since(g *group, some []repeatKey) int {
	first := int64(math.MaxInt64)
	for _, key := range some {
		first = min(first, s.traffic.spans[key.parent].start)
	}
	at, _ := slices.BinarySearchFunc(g.spans, first, func(p *span, t int64) int { return cmp.Compare(p.start, t) })
	return len(g.spans) - at
}

// isRequest tells whether a span serves somebody who waits: a bulk operation
// makes many calls by its nature.
func (s *snapshot) isRequest(p *span) bool {
	is := p.kind() == trace.SpanKindServer || p.kind() == trace.SpanKindConsumer
	s.traffic.above(p, func(up *span) {
		is = is || up.kind() == trace.SpanKindServer || up.kind() == trace.SpanKindConsumer
	})
	return is
}

func (p *span) kind() trace.SpanKind {
	if p.group == nil {
		return trace.SpanKindInternal
	}
	return p.group.kind
}

// heldLock finds requests that run side by side and yet make their calls one
// after the other, while each waits: a lock is held over the call.
func heldLock(s *snapshot) []*finding {
	var found []*finding
	for _, g := range s.traffic.groups {
		if !g.latency.found || g.peer != nil {
			continue
		}
		inside := map[*unit][]*span{}
		for _, other := range s.traffic.groups {
			if other.peer == nil {
				continue
			}
			for _, p := range other.spans {
				if p.up >= 0 && s.traffic.spans[p.up].group == g {
					inside[p.unit] = append(inside[p.unit], p)
				}
			}
		}
		for u, calls := range inside {
			if f := s.serial(g, u, calls); f != nil {
				found = append(found, f)
			}
		}
	}
	return found
}

// serial judges the calls of one name that the spans of g make from its first bad
// one to its last. Those that are not bad found the lock free, and hold it, too.
func (s *snapshot) serial(g *group, u *unit, calls []*span) *finding {
	const least, crowd = 20, 2.0
	bad := slices.DeleteFunc(slices.Clone(g.spans), func(p *span) bool { return !p.bad })
	if len(bad) < least {
		return nil
	}
	from, to := bad[0].start, int64(0)
	for _, p := range bad {
		to = max(to, p.end)
	}
	outside := func(p *span) bool { return p.start < from || p.start > to }
	among := slices.DeleteFunc(slices.Clone(g.spans), outside)
	callers := 0.0
	for _, p := range among {
		callers += p.seconds()
	}
	calls = slices.DeleteFunc(calls, outside)
	slices.SortFunc(calls, byStart)
	overlaps, busy, end := 0, 0.0, int64(0)
	for _, p := range calls {
		if p.start < end {
			overlaps++
		}
		end = max(end, p.end)
		busy += p.seconds()
	}
	if len(calls) < least {
		return nil
	}
	lasted := time.Duration(to - from).Seconds()
	side := callers / lasted
	// A lock that is waited for is held most of the time; short calls that are
	// rare do not overlap by chance.
	if 20*overlaps > len(calls) || side < crowd || 2*busy < lasted {
		return nil
	}
	worst, _ := g.worst()
	f := find(KindLockContention, g.name, g.first(), sure(g.latency, len(bad)),
		fmt.Sprintf("%.0f %s wait at a time, yet their calls %s never overlap", side, g.name, u.name),
		fmt.Sprintf("%s holds a lock while it calls %s, so that one waits for the other", g.name, u.name))
	f.group, f.seen = g, len(bad)
	f.show(ByTrace, worst.trace.String(), time.Unix(0, worst.start), fmt.Sprintf("%s waits, %s takes %s", g.name, u.name, seconds(busy/float64(len(calls)))), "s", worst.seconds(), g.was)
	if r := rise(s.figure("mutex.wait")); r.found {
		f.Confidence = min(1, f.Confidence+0.1)
		f.show(ByRuntime, "mutex.wait", s.now, "goroutines that wait for locks, on average", "{goroutine}", r.after, r.before)
	}
	f.ask("get_runtime", "which lock goroutines wait for", "sections", "goroutines")
	f.ask("get_trace", "where one waits", "trace_id", worst.trace.String(), "view", "critical_path")
	return f
}
