package mcp

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
)

func compareTool() *tool {
	return &tool{
		name: "compare",
		about: "What differs between the last minutes and the time before: latency and failures by span name, log patterns that are new or " +
			"more frequent, metrics that have shifted, checks that changed. The largest differences first.",
		takes: []argument{
			{name: "window", about: "how much counts as now", kind: kindDuration, longest: 10 * time.Minute, usual: 5 * time.Minute},
			{name: "match", about: "only spans, logs and metrics that contain this"},
			limitArgument(8, 30),
		},
		answer: func(_ context.Context, c *client, in arguments) (*answer, error) {
			return c.compare(max(in.duration("window"), time.Minute).Truncate(time.Minute), in.text("match"), in.count("limit")), nil
		},
	}
}

func (c *client) compare(now time.Duration, match string, limit int) *answer {
	spans, before := c.spanShifts(now, match)
	logs := c.logShifts(now, match)
	metrics := c.metricShifts(now, match)
	asOf := time.Now()
	var changes []store.Change
	for _, change := range c.con.Health().Changes {
		if change.Time.After(asOf.Add(-now)) {
			changes = append(changes, change)
		}
	}
	a := begin(fmt.Sprintf("Compared with before, %d span names, %d log patterns and %d metric series have shifted, and checks changed %d times.",
		len(spans), len(logs), len(metrics), len(changes)), asOf, asOf.Add(-now))
	a.put("spans_compared_with_seconds_before", before)
	list(a, "spans", 35, len(spans), spans[:min(len(spans), limit)], func(s *store.SpanStat) *object { return view(s) })
	list(a, "logs", 35, len(logs), logs[:min(len(logs), limit)], func(s *logShift) *object {
		o := pattern(&s.Pattern)
		o.put("count_before", s.before)
		return o
	})
	list(a, "metrics", 60, len(metrics), metrics[:min(len(metrics), limit)], func(s *metricShift) *object {
		o := view(s.of, "series", "scope", "description")
		o.put("attributes", s.Attributes)
		o.put("mean_now", s.now)
		o.put("mean_before", s.before)
		o.put("deviations", store.Number(s.deviations))
		return o
	})
	list(a, "changes", 100, len(changes), changes[:min(len(changes), limit)], change)
	if len(spans) > 0 {
		if id := cmp.Or(spans[0].Now.FailedTraceID, spans[0].Now.SlowTraceID); id != "" {
			a.ask("get_trace", "the failed or slowest trace of the first span name", "trace_id", id)
		}
	}
	if len(logs) > 0 && logs[0].TraceID != "" {
		a.ask("get_trace", "the trace of the first log pattern", "trace_id", logs[0].TraceID)
	}
	a.ask("diagnose", "what is wrong, with its likely cause")
	a.link(c.url(""))
	return a
}

// What counts as a shift: a ratio, and for metrics how many times the usual
// deviation.
const (
	leastRatio      = 1.5
	leastDeviations = 4
	leastShare      = 0.02 // of failures
)

// spanShifts returns the names whose spans are slower, faster, new, gone or fail
// more or less often.
func (c *client) spanShifts(now time.Duration, match string) ([]store.SpanStat, store.Number) {
	stats := c.con.SpanStats(store.SpanStatQuery{Text: match, Window: now, Limit: math.MaxInt})
	shift := func(s *store.SpanStat) float64 {
		n, b := &s.Now, &s.Before
		switch {
		case stats.Before <= 0:
			return 0
		case n.Count == 0 || b.Count == 0:
			return leastRatio // new or gone
		}
		score := ratio(float64(n.P95), float64(b.P95))
		if failing := math.Abs(float64(n.ErrorShare - b.ErrorShare)); failing >= leastShare {
			score += 100 * failing
		}
		return score
	}
	found := slices.DeleteFunc(stats.Names, func(s store.SpanStat) bool { return shift(&s) < leastRatio })
	slices.SortStableFunc(found, func(a, b store.SpanStat) int { return cmp.Compare(shift(&b), shift(&a)) })
	return found, stats.Before
}

// ratio is of the larger to the smaller.
func ratio(a, b float64) float64 {
	if a <= 0 || b <= 0 || math.IsNaN(a) || math.IsNaN(b) {
		return 1
	}
	return max(a/b, b/a)
}

// logShift is a pattern that is new, or far more frequent than before.
type logShift struct {
	store.Pattern
	before int
}

func (c *client) logShifts(now time.Duration, match string) []logShift {
	at := time.Now().Add(-now)
	old := map[[4]string]int{}
	key := func(p *store.Pattern) [4]string { return [4]string{p.Level, p.Scope, p.Event, p.Template} }
	before := c.con.Patterns(store.LogQuery{Text: match, Since: at.Add(-2 * now), Until: at, Limit: math.MaxInt})
	for i := range before.Patterns {
		old[key(&before.Patterns[i])] += before.Patterns[i].Count
	}
	var found []logShift
	for _, p := range c.con.Patterns(store.LogQuery{Text: match, Since: at, Limit: math.MaxInt}).Patterns {
		if n := old[key(&p)]; float64(p.Count) >= max(1, leastRatio*float64(n)) {
			found = append(found, logShift{p, n})
		}
	}
	slices.SortStableFunc(found, func(a, b logShift) int {
		return cmp.Or(slices.Index(store.Levels(), b.Level)-slices.Index(store.Levels(), a.Level), b.Count-b.before-a.Count+a.before)
	})
	return found
}

// metricShift is a series whose mean has left the range that it had.
type metricShift struct {
	series
	now, before store.Number
	deviations  float64
}

func (c *client) metricShifts(now time.Duration, match string) []metricShift {
	var found []metricShift
	all, _ := c.matching("", match)
	for _, s := range all {
		n := min(int(now/historyStep), len(s.History))
		older, newer := s.History[:len(s.History)-n], s.History[len(s.History)-n:]
		m := metricShift{series: s, now: mean(newer), before: mean(older)}
		if m.deviations = deviations(older, float64(m.now)); m.deviations >= leastDeviations {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b metricShift) int { return cmp.Compare(b.deviations, a.deviations) })
	return found
}

// maxDeviations is what a change of something that never changed counts as.
const maxDeviations = 1000

// deviations returns how far v is from the median, in robust deviations.
func deviations(usual []store.Number, v float64) float64 {
	var known []float64
	for _, u := range usual {
		if u.Known() {
			known = append(known, float64(u))
		}
	}
	if len(known) < 12 || math.IsNaN(v) { // a minute
		return 0
	}
	slices.Sort(known)
	median := known[len(known)/2]
	far := make([]float64, len(known))
	for i, u := range known {
		far[i] = math.Abs(u - median)
	}
	slices.Sort(far)
	spread := max(1.4826*far[len(far)/2], 0.02*math.Abs(median))
	if d := math.Abs(v - median); d > 0 {
		return min(d/spread, maxDeviations)
	}
	return 0
}
