package diagnosis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// leastPanics is how many requests have panicked before it is called a loop.
const leastPanics = 5

// panics finds spans that panics keep passing, where they came from.
func panics(s *snapshot) []*finding {
	t := s.traffic
	passed := map[int32]bool{} // further down it was there before
	for i := range t.spans {
		if p := &t.spans[i]; p.panicked {
			passed[p.up] = true
		}
	}
	of := map[*group][]*span{}
	for i := range t.spans {
		if p := &t.spans[i]; p.panicked && p.group != nil && !passed[int32(i)] && p.start >= s.from.UnixNano() {
			of[p.group] = append(of[p.group], p)
		}
	}
	var found []*finding
	for g, list := range of {
		if len(list) < leastPanics {
			continue
		}
		first, last := slices.MinFunc(list, byStart), slices.MaxFunc(list, byStart)
		text := cmp.Or(last.message, "panic")
		f := find(KindPanics, g.name, time.Unix(0, first.start), sure(change{}, len(list)),
			fmt.Sprintf("%d times a panic has passed %s", len(list), g.name), fmt.Sprintf("%s has a bug: %s", g.name, text))
		f.group, f.seen, f.said = g, len(list), text
		f.show(ByTrace, last.trace.String(), time.Unix(0, last.start), last.unit.name+": "+text, "{panic}", float64(len(list)), math.NaN())
		f.ask("get_trace", "what panicked, and where", "trace_id", last.trace.String(), "view", "tree")
		f.ask("search_traces", "more of them", "name", last.unit.name)
		found = append(found, f)
	}
	return found
}

// leastAhead is how far in the future a span begins that no delay explains, and
// leastSkewed how many of them do.
const (
	leastAhead  = time.Minute
	leastSkewed = 5
)

// clockSkew finds spans that begin in the future: the clock was set back, or
// somebody stamps them by another one.
func clockSkew(s *snapshot) []*finding {
	ahead := s.traffic.ahead
	if len(ahead) < leastSkewed {
		return nil
	}
	most := slices.MaxFunc(ahead, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	by := time.Unix(0, most.start).Sub(s.now).Seconds()
	f := find(KindClockSkew, "clock", s.now, sure(change{}, len(ahead)),
		fmt.Sprintf("%d spans begin up to %s in the future", len(ahead), seconds(by)),
		"the clock of this machine was set back, or spans carry times of another clock: times and the order of events are wrong")
	f.show(ByTrace, most.trace.String(), time.Unix(0, most.start), "begins in the future", "s", by, 0)
	f.ask("get_trace", "which times it carries", "trace_id", most.trace.String(), "view", "tree")
	return []*finding{f}
}
