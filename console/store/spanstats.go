package store

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Windows of span statistics.
const (
	usualWindow = 5 * time.Minute
	mostWindow  = nameMinutes * time.Minute / 2
)

// SpanStatQuery selects span statistics. The zero value selects all names, and
// compares the last five minutes with the 55 before.
type SpanStatQuery struct {
	Text   string        // in the name or scope
	Window time.Duration // what counts as now, in whole minutes; 0 means 5 min, at most 30
	Limit  int           // 0 means 100
}

// SpanStats is the answer to a [SpanStatQuery]. Every span counts, also those that
// are no longer kept, but for the spans of packages bulk and health.
type SpanStats struct {
	AsOf      time.Time  `json:"as_of"`
	Window    Number     `json:"window_seconds"` // how long now is
	Before    Number     `json:"before_seconds"` // and the time before it, at most an hour together
	Names     []SpanStat `json:"names"`          // the most failures now first, then the most time spent now
	Total     int        `json:"total"`
	Truncated bool       `json:"truncated"`
	Untold    uint64     `json:"untold"` // spans of more names than are told apart, since the start
}

// SpanStat is the statistics of the spans of one name.
type SpanStat struct {
	Name   string      `json:"name"`
	Scope  string      `json:"scope"`
	Kind   string      `json:"kind"`
	Last   time.Time   `json:"last"` // when one ended
	Now    SpanFigures `json:"now"`
	Before SpanFigures `json:"before"`
}

// SpanFigures is the statistics of a window. Durations are null without a span;
// quantiles are estimated, within a quarter.
type SpanFigures struct {
	Count         int    `json:"count"`
	Errors        int    `json:"errors"`
	Rate          Number `json:"rate"`        // per second
	ErrorShare    Number `json:"error_share"` // 0 to 1; null without a span
	Total         Number `json:"total_seconds"`
	P50           Number `json:"p50_seconds"`
	P95           Number `json:"p95_seconds"`
	Max           Number `json:"max_seconds"`
	SlowTraceID   string `json:"slow_trace_id"`   // of the slowest; its spans may be gone
	FailedTraceID string `json:"failed_trace_id"` // of the last that failed, empty when none did
}

// SpanStats returns what the spans of each name do now and did before.
func (st *Store) SpanStats(q SpanStatQuery) SpanStats {
	now := time.Now()
	window := min(max(cmp.Or(q.Window, usualWindow), time.Minute), mostWindow).Truncate(time.Minute)
	minute := now.Unix() / 60
	from := time.Unix(60*(minute+1), 0).Add(-window)
	first := later(st.started, time.Unix(60*(minute+1-nameMinutes), 0))
	answer := SpanStats{
		AsOf: now, Window: Number(now.Sub(later(first, from)).Seconds()),
		Before: Number(max(0, from.Sub(first)).Seconds()), Names: []SpanStat{},
	}
	text := strings.ToLower(q.Text)
	names := st.spans.names
	answer.Untold = names.usage().Dropped
	for _, key := range names.keys() {
		if !strings.Contains(strings.ToLower(key.name+" "+key.scope), text) {
			continue
		}
		stat := SpanStat{Name: CleanLine(key.name), Scope: CleanLine(key.scope)}
		if names.read(key, func(n *spanName) {
			stat.Kind, stat.Last = n.kind.String(), n.last.UTC()
			stat.Now = n.figures(from.Unix()/60, minute, answer.Window)
			stat.Before = n.figures(first.Unix()/60, from.Unix()/60-1, answer.Before)
		}) {
			answer.Names = append(answer.Names, stat)
		}
	}
	slices.SortFunc(answer.Names, func(a, b SpanStat) int {
		return cmp.Or(
			b.Now.Errors-a.Now.Errors, cmp.Compare(b.Now.Total, a.Now.Total), b.Last.Compare(a.Last),
			strings.Compare(a.Name, b.Name), strings.Compare(a.Scope, b.Scope),
		)
	})
	answer.Total = len(answer.Names)
	answer.Names, answer.Truncated = limited(answer.Names, cmp.Or(q.Limit, UsualLimit))
	return answer
}

// figures sums up the minutes from first to last, which took so many seconds.
func (n *spanName) figures(first, last int64, seconds Number) SpanFigures {
	f := SpanFigures{Rate: Unknown(), ErrorShare: Unknown(), P50: Unknown(), P95: Unknown(), Max: Unknown()}
	r := reading{bounds: binBounds(), counts: make([]uint64, nameBins), min: math.NaN()}
	var slow, failed trace.TraceID
	for minute := first; minute <= last; minute++ {
		m := &n.minutes[minute%nameMinutes]
		if m.minute != minute || m.count == 0 {
			continue
		}
		f.Count += int(m.count)
		f.Errors += int(m.errors)
		f.Total += Number(float64(m.total) / 1e9)
		if longest := float64(m.max) / 1e9; longest >= r.max {
			r.max, slow = longest, m.slow
		}
		if m.errors > 0 {
			failed = m.failed
		}
		for i, c := range m.bins {
			r.counts[i] += uint64(c)
		}
	}
	if seconds > 0 {
		f.Rate = Number(f.Count) / seconds
	}
	if f.Count > 0 {
		f.ErrorShare = Number(f.Errors) / Number(f.Count)
		f.P50, f.P95, f.Max = Number(r.quantile(0.5)), Number(r.quantile(0.95)), Number(r.max)
	}
	f.SlowTraceID, f.FailedTraceID = hexID(string(slow[:])), hexID(string(failed[:]))
	return f
}
