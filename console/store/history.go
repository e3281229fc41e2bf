package store

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// history is the newest values of something sampled in step with everything
// else. Samples that it missed are NaN.
type history struct {
	values []float64
	first  int64 // number of the first sample, from 1 on; 0 while empty
	last   int64
}

func newHistory(n int) history { return history{values: make([]float64, n)} }

func (h *history) add(sample int64, v float64) {
	size := int64(len(h.values))
	if h.first == 0 {
		h.first, h.last = sample, sample-1
	}
	for n := max(h.last+1, sample-size+1); n < sample; n++ {
		h.values[n%size] = math.NaN()
	}
	h.values[sample%size] = v
	h.last = sample
}

// until returns the values up to the sample with number now, oldest first.
func (h *history) until(now int64) []Number { return h.newest(now, len(h.values)) }

// newest returns at most n values up to the sample with number now, oldest first.
func (h *history) newest(now int64, n int) []Number {
	size := int64(len(h.values))
	from := max(h.first, now-min(int64(n), size)+1)
	if h.first == 0 {
		return []Number{}
	}
	list := make([]Number, 0, max(0, now-from+1))
	for n := from; n <= now; n++ {
		if n > h.last {
			list = append(list, Unknown())
			continue
		}
		list = append(list, Number(h.values[n%size]))
	}
	return list
}

// mean is that of the known ones of the newest n values, NaN when there is none.
func (h *history) mean(now int64, n int) float64 {
	sum, known := 0.0, 0
	for i := max(h.first, now-int64(n)+1); i <= min(now, h.last); i++ {
		if v := h.values[i%int64(len(h.values))]; !math.IsNaN(v) {
			sum += v
			known++
		}
	}
	return sum / float64(known)
}

// KindRuntime is the kind of a [HistorySeries] of the Go runtime.
const KindRuntime = "runtime"

// HistoryQuery selects the history of metrics. The zero value selects all of it of
// the last 15 minutes.
type HistoryQuery struct {
	Name   string        // of the instrument, or of a figure of the runtime; empty: any
	Text   string        // in the name or attributes
	Window time.Duration // 0 means 15 min; beyond that points are minutes, at most 6 h
	Limit  int           // series; 0 means 100
}

// History is the answer to a [HistoryQuery]. It is kept from the start on, whether
// somebody looks or not.
type History struct {
	AsOf      time.Time       `json:"as_of"`          // of the newest values; zero before the first
	Since     time.Time       `json:"complete_since"` // of the oldest that a series has which was there
	Interval  Number          `json:"interval_seconds"`
	Series    []HistorySeries `json:"series"`
	Total     int             `json:"total"`
	Truncated bool            `json:"truncated"`
}

// HistorySeries is one series over time.
type HistorySeries struct {
	Name       string     `json:"name"`
	Kind       string     `json:"kind"` // gauge, counter, updowncounter, histogram, runtime
	Unit       string     `json:"unit"`
	Scope      string     `json:"scope"`
	Attributes Attributes `json:"attributes"`
	// Values are a counter's per second, a histogram's 95th percentile, a gauge's
	// mean; oldest first, interval_seconds apart, null where nothing is known.
	Values []Number `json:"values"`
}

// History returns metrics and figures of the runtime over time.
func (st *Store) History(q HistoryQuery) History {
	window := min(cmp.Or(q.Window, historyLen*sampleInterval), coarseLen*coarseInterval)
	isCoarse := window > historyLen*sampleInterval
	interval := sampleInterval
	if isCoarse {
		interval = coarseInterval
	}
	n := int((window + interval - 1) / interval)
	answer := History{Interval: Number(interval.Seconds()), Series: []HistorySeries{}}
	var kept int
	answer.AsOf, kept, answer.Series = st.metrics.past(q, isCoarse, n)
	if kept > 0 {
		answer.Since = answer.AsOf.Add(-time.Duration(kept-1) * interval)
	}
	answer.Series = append(answer.Series, st.metrics.runtime.past(q, isCoarse, n)...)
	slices.SortFunc(answer.Series, func(a, b HistorySeries) int {
		return cmp.Or(
			rank(a.Scope, a.Name)-rank(b.Scope, b.Name), strings.Compare(a.Name, b.Name), strings.Compare(a.Scope, b.Scope),
			strings.Compare(a.Attributes.String(), b.Attributes.String()),
		)
	})
	answer.Total = len(answer.Series)
	answer.Series, answer.Truncated = limited(answer.Series, cmp.Or(q.Limit, UsualLimit))
	return answer
}

func (q HistoryQuery) selects(name string, attributes Attributes) bool {
	return (q.Name == "" || q.Name == name) && strings.Contains(strings.ToLower(name+" "+attributes.String()), strings.ToLower(q.Text))
}

// past returns the newest n points of one of the two histories, or as many as are
// kept.
func (m *metricStore) past(q HistoryQuery, isCoarse bool, n int) (at time.Time, kept int, list []HistorySeries) { //nolint:revive // flag-parameter: which history is meant
	m.mu.Lock()
	defer m.mu.Unlock()
	list = []HistorySeries{}
	at, samples := m.sampledAt, m.samples
	if isCoarse {
		at, samples = m.coarseAt, m.samples/coarseSamples
	}
	for _, s := range m.series {
		if !q.selects(s.name, s.attributes) {
			continue
		}
		view := HistorySeries{Name: s.name, Kind: s.kind, Unit: s.unit, Scope: s.scope, Attributes: s.attributes}
		if isCoarse {
			view.Values = s.coarse.newest(samples, n)
		} else {
			view.Values = s.history.newest(samples, n)
		}
		list = append(list, view)
	}
	return at, min(n, int(samples)), list
}

func (f *runtimeFigures) past(q HistoryQuery, isCoarse bool, n int) (list []HistorySeries) { //nolint:revive // flag-parameter: which history is meant
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, t := range runtimeTable() {
		if f.now == nil || !q.selects(t.name, nil) {
			continue
		}
		view := HistorySeries{Name: t.name, Kind: KindRuntime, Unit: t.unit, Attributes: Attributes{}}
		if isCoarse {
			view.Values = f.coarse[i].newest(f.samples/coarseSamples, n)
		} else {
			view.Values = f.history[i].newest(f.samples, n)
		}
		list = append(list, view)
	}
	return list
}
