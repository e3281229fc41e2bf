package mcp

import (
	"cmp"
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
			"more frequent, metrics that have shifted, checks that changed. The largest differences first. compared_since tells how far back " +
			"each reaches.",
		takes: []argument{
			{name: "window", about: "how much counts as now", kind: kindDuration, longest: 30 * time.Minute, usual: 5 * time.Minute},
			{name: "since", about: "how far back the time before reaches, at most 6h", kind: kindDuration, longest: longestHistory, usual: usualSince},
			{name: "match", about: "only spans, logs and metrics that contain this"},
			limitArgument(8, 30),
		},
		read: (*client).compare,
	}
}

func (c *client) compare(in arguments) (*answer, error) {
	now := max(in.duration("window"), time.Minute).Truncate(time.Minute)
	since, match, limit := max(in.duration("since"), 2*now), in.text("match"), in.count("limit")
	asOf := time.Now()
	spans, spansSince := c.spanShifts(now, match)
	logs, logsSince := c.logShifts(asOf, now, since, match)
	p := c.past(since, match)
	metrics := c.metricShifts(p, now, match)
	var changes []store.Change
	for _, change := range c.con.Health().Changes {
		if change.Time.After(asOf.Add(-now)) {
			changes = append(changes, change)
		}
	}
	a := begin(fmt.Sprintf("Compared with before, %d span names, %d log patterns and %d metric series have shifted, and checks changed %d times.",
		len(spans), len(logs), len(metrics), len(changes)), asOf, asOf.Add(-now))
	var reach object
	reach.put("spans", spansSince)
	reach.put("logs", logsSince)
	reach.put("metrics", later(asOf.Add(-since), p.since))
	reach.put("seconds_between_points_of_metrics", int(p.every.Seconds()))
	a.put("compared_since", &reach)
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
	a.ask("diagnose", whatIsWrong)
	a.link(c.url(""))
	return a, nil
}

// What counts as a shift: a ratio, and for metrics how many times the usual
// deviation.
const (
	leastRatio      = 1.5
	leastDeviations = 4
	leastShare      = 0.02 // of failures
	leastGrowth     = 3    // of the rate of a log pattern
	leastRecords    = 3    // of one that is not new
)

// spanShifts returns the names whose spans are slower, faster, new, gone or fail
// more or less often, and since when the time before is known.
func (c *client) spanShifts(now time.Duration, match string) ([]store.SpanStat, time.Time) {
	// They are counted by minutes, of which the one that has just begun may be empty.
	stats := c.con.SpanStats(store.SpanStatQuery{Text: match, Window: max(now, 2*time.Minute), Limit: math.MaxInt})
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
	return found, stats.AsOf.Add(-interval(stats.Window + stats.Before))
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

// logShifts also returns since when the time before is known.
func (c *client) logShifts(asOf time.Time, now, since time.Duration, match string) (found []logShift, from time.Time) {
	at := asOf.Add(-now)
	key := func(p *store.Pattern) [4]string { return [4]string{p.Level, p.Scope, p.Event, p.Template} }
	old := map[[4]string]int{}
	before := c.con.Patterns(store.LogQuery{Text: match, Since: asOf.Add(-since), Until: at, Limit: math.MaxInt})
	for i := range before.Patterns {
		old[key(&before.Patterns[i])] += before.Patterns[i].Count
	}
	from = later(asOf.Add(-since), before.Since)
	long := at.Sub(from).Seconds() / now.Seconds() // of the time before, in times of the one now
	if long <= 0 {
		return nil, from
	}
	for _, p := range c.con.Patterns(store.LogQuery{Text: match, Since: at, Limit: math.MaxInt}).Patterns {
		if n := old[key(&p)]; n == 0 || p.Count >= leastRecords && float64(p.Count) >= leastGrowth*float64(n)/long {
			found = append(found, logShift{p, n})
		}
	}
	slices.SortStableFunc(found, func(a, b logShift) int {
		return cmp.Or(slices.Index(store.Levels(), b.Level)-slices.Index(store.Levels(), a.Level), b.Count-b.before-a.Count+a.before)
	})
	return found, from
}

// metricShift is a series whose mean has left the range that it had.
type metricShift struct {
	series
	now, before store.Number
	deviations  float64
}

func (c *client) metricShifts(p *past, now time.Duration, match string) []metricShift {
	var found []metricShift
	for _, s := range c.matching("", match) {
		points := p.of(&s)
		n := min(max(int(now/p.every), 1), len(points))
		older, newer := points[:len(points)-n], points[len(points)-n:]
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
	if len(known) < 12 || math.IsNaN(v) { // a minute, or twelve of the coarse history
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
