package store

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// History of metrics: a point every five seconds of the last 15 minutes, and one
// every minute of the last six hours.
const (
	sampleInterval = 5 * time.Second
	historyLen     = 180

	coarseInterval = time.Minute
	coarseLen      = 360
	coarseSamples  = int64(coarseInterval / sampleInterval)
)

// Kinds of instruments, as the views name them.
const (
	kindGauge         = "gauge"
	kindCounter       = "counter"
	kindUpDownCounter = "updowncounter"
	kindHistogram     = "histogram"
)

// occasion is why metrics are read.
type occasion int

const (
	demanded occasion = iota // somebody looks
	sampling                 // for the history, at each interval
)

type seriesKey struct {
	scope, name string
	attributes  attribute.Distinct
}

// series is one stream of an instrument.
type series struct {
	scope, name, unit, description, kind string

	attributes Attributes
	at         time.Time
	now        reading
	first      float64 // value of its first collection
	rate       float64
	before     reading // at the last sample
	beforeAt   time.Time
	history    history // gauge: value; counter: per second; histogram: 95th percentile of the interval
	coarse     history // the same, where a gauge is its mean
	minute     reading // of a histogram, at the last point of coarse
	seen       int64   // number of the last collection that had it
	bytes      int
}

// reading is what one collection says about a series.
type reading struct {
	value  float64 // of a gauge or a sum
	count  float64 // the rest is of a histogram
	sum    float64
	min    float64
	max    float64
	bounds []float64
	counts []uint64
	trace  string // of the largest exemplar
}

// reservedShare is the part of the series budget, one in n, that only health
// and bulk may take.
const reservedShare = 8

// metricStore keeps the current value and a short history of each series.
type metricStore struct {
	mu          sync.Mutex
	series      map[seriesKey]*series
	bytes, max  int
	refused     uint64
	collections int64
	samples     int64
	at          time.Time // of the last collection
	sampledAt   time.Time // of the last point of the fine history
	coarseAt    time.Time // of the last point of the coarse one

	runtime runtimeFigures
	sampler *sampler

	looks  sync.Mutex // one at a time
	missed time.Time  // when one was in vain; guarded by looks
}

func newMetricStore(budget int) *metricStore {
	return &metricStore{series: map[seriesKey]*series{}, max: budget - runtimeBytes}
}

// fresh waits until the metrics are at most a second old, or for a moment when
// they cannot be had, once a second however many look.
func (m *metricStore) fresh() {
	m.looks.Lock()
	defer m.looks.Unlock()
	m.mu.Lock()
	s, age := m.sampler, time.Since(m.at)
	m.mu.Unlock()
	if s != nil && age >= time.Second && time.Since(m.missed) >= time.Second && !s.demand() {
		m.missed = time.Now()
	}
}

// absorb takes in one collection. A sample also goes into the history.
func (m *metricStore) absorb(rm *metricdata.ResourceMetrics, now time.Time, why occasion) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = now
	m.collections++
	if why == sampling {
		m.samples++
		m.sampledAt = now
		if m.samples%coarseSamples == 0 {
			m.coarseAt = now
		}
	}
	for _, sm := range rm.ScopeMetrics {
		for _, mt := range sm.Metrics {
			c := collected{store: m, scope: sm.Scope.Name, metric: mt, now: now, why: why}
			c.absorb()
		}
	}
	m.prune()
}

// forgetAfter is how many collections a series may be missing from before it
// is forgotten.
const forgetAfter = historyLen

func (m *metricStore) prune() {
	for key, s := range m.series {
		if m.collections-s.seen > forgetAfter {
			m.bytes -= s.bytes
			delete(m.series, key)
		}
	}
}

// at returns the series and makes it when it is new and there is room.
func (m *metricStore) lookup(scope string, mt *metricdata.Metrics, kind string, set *attribute.Set, buckets int) *series {
	key := seriesKey{scope, mt.Name, set.Equivalent()}
	if s := m.series[key]; s != nil {
		return s
	}
	s := &series{
		scope: CleanLine(Cut(scope, maxName)), name: CleanLine(Cut(mt.Name, maxName)),
		unit: CleanLine(Cut(mt.Unit, 64)), description: CleanLine(Cut(mt.Description, maxFact)),
		kind: kind, attributes: attributesOf(set), history: newHistory(historyLen), coarse: newHistory(coarseLen),
	}
	s.bytes = 8*(historyLen+coarseLen) + 640 + len(scope) + len(mt.Name) + len(s.description) + 32*buckets
	for _, a := range s.attributes {
		s.bytes += 64 + len(a.Key) + len(a.Text())
	}
	limit := m.max
	if !strings.HasPrefix(mt.Name, "health.") && !strings.HasPrefix(mt.Name, "bulk.") {
		limit -= m.max / reservedShare
	}
	if m.bytes+s.bytes > limit {
		m.refused++
		return nil
	}
	key.scope, key.name = strings.Clone(key.scope), strings.Clone(key.name)
	m.series[key] = s
	m.bytes += s.bytes
	return s
}

// update brings s to what was read.
func (m *metricStore) update(s *series, r reading, now time.Time, why occasion) {
	if s.seen == 0 {
		s.first = r.value
	}
	s.now, s.at, s.seen = r, now, m.collections
	if why != sampling {
		return
	}
	v := r.value
	switch elapsed := now.Sub(s.beforeAt).Seconds(); s.kind {
	case kindCounter:
		v = math.NaN()
		if !s.beforeAt.IsZero() && elapsed > 0 && r.value >= s.before.value {
			v = (r.value - s.before.value) / elapsed
		}
		s.rate = v
	case kindHistogram:
		v = r.since(s.before).quantile(0.95)
		s.rate = math.NaN()
		if !s.beforeAt.IsZero() && elapsed > 0 && r.count >= s.before.count {
			s.rate = (r.count - s.before.count) / elapsed
		}
	}
	s.history.add(m.samples, v)
	s.before, s.beforeAt = r, now
	if m.samples%coarseSamples != 0 {
		return
	}
	v = s.history.mean(m.samples, int(coarseSamples))
	if s.kind == kindHistogram {
		v = r.since(s.minute).quantile(0.95)
		s.minute = r
	}
	s.coarse.add(m.samples/coarseSamples, v)
}

// Series is a series as every view shows it.
type Series struct {
	Attributes Attributes `json:"attributes"`
	Value      Number     `json:"value"` // null for a histogram
	Rate       Number     `json:"rate"`  // per second, of counters and of a histogram's observations
	Count      Number     `json:"count"` // this and the rest: null but for a histogram
	Sum        Number     `json:"sum"`
	Avg        Number     `json:"avg"`
	P50        Number     `json:"p50"`
	P95        Number     `json:"p95"`
	Min        Number     `json:"min"`
	Max        Number     `json:"max"`
	TraceID    string     `json:"trace_id"` // of the slowest recent example, empty when there is none
	History    []Number   `json:"history"`  // oldest first, interval_seconds apart

	at time.Time
}

// Instrument is all series of one name.
type Instrument struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"` // gauge, counter, updowncounter, histogram
	Unit        string   `json:"unit"`
	Description string   `json:"description"`
	Scope       string   `json:"scope"`
	Series      []Series `json:"series"`
}

// MetricList is instruments with their current values and history.
type MetricList struct {
	AsOf        time.Time    `json:"as_of"`         // zero before the first collection
	HistoryAt   time.Time    `json:"history_as_of"` // of the last point of every history
	Interval    Number       `json:"interval_seconds"`
	Instruments []Instrument `json:"instruments"`
	Total       int          `json:"total"` // series that match
	Truncated   bool         `json:"truncated"`
}

// MaxSeries bounds the series of one answer.
const MaxSeries = 1000

// Metrics returns the instruments whose name or attributes contain text, in any
// case, at most limit series.
func (st *Store) Metrics(text string, limit int) MetricList {
	st.metrics.fresh()
	return st.metrics.list(strings.ToLower(text), limit)
}

func (m *metricStore) list(text string, limit int) MetricList {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer := MetricList{AsOf: m.at, HistoryAt: m.sampledAt, Interval: Number(sampleInterval.Seconds()), Instruments: []Instrument{}}
	var found []*series
	for _, s := range m.series {
		if m.current(s) && strings.Contains(strings.ToLower(s.name+" "+s.attributes.String()), text) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *series) int {
		return cmp.Or(
			rank(a.scope, a.name)-rank(b.scope, b.name), strings.Compare(a.name, b.name), strings.Compare(a.scope, b.scope),
			strings.Compare(a.attributes.String(), b.attributes.String()),
		)
	})
	answer.Total = len(found)
	found, answer.Truncated = limited(found, limit)
	for _, s := range found {
		n := len(answer.Instruments)
		if n == 0 || answer.Instruments[n-1].Name != s.name || answer.Instruments[n-1].Scope != s.scope {
			answer.Instruments = append(answer.Instruments, Instrument{
				Name: s.name, Kind: s.kind, Unit: s.unit, Description: s.description, Scope: s.scope,
			})
			n++
		}
		last := &answer.Instruments[n-1]
		last.Series = append(last.Series, s.view(m.samples))
	}
	return answer
}

// rank sorts what every program has behind what makes this one special: its
// own metrics, otelmon's, HTTP, Go, the process.
func rank(scope, name string) int {
	prefix, _, _ := strings.Cut(name, ".")
	switch last := scope[strings.LastIndexByte(scope, '/')+1:]; {
	case prefix == "go" || last == "runtime":
		return 7
	case prefix == "process" || prefix == "system" || last == "process" || last == "host":
		return 8
	case last == "otelhttp" && strings.HasSuffix(name, ".body.size"):
		return 6
	case last == "otelhttp":
		return 5
	default:
		return 1 + slices.Index([]string{"bulk", "health", "otelmon", "otel"}, prefix)
	}
}

// current tells whether the last collection had s: the gauges of what has
// ended vanish.
func (m *metricStore) current(s *series) bool { return s.seen == m.collections }

// named returns the series of an instrument.
func (m *metricStore) named(name string) []Series {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Series
	for _, s := range m.series {
		if s.name == name && m.current(s) {
			list = append(list, s.view(m.samples))
		}
	}
	return list
}

func (s *series) view(samples int64) Series {
	v := Series{
		Attributes: s.attributes, Value: Number(s.now.value), Rate: Number(s.rate), TraceID: s.now.trace,
		Count: Unknown(), Sum: Unknown(), Avg: Unknown(), P50: Unknown(), P95: Unknown(), Min: Unknown(), Max: Unknown(),
		History: s.history.until(samples), at: s.at,
	}
	switch {
	case s.kind == kindHistogram:
		v.Value, v.Count, v.Sum = Unknown(), Number(s.now.count), Number(s.now.sum)
		v.Avg = v.Sum / v.Count
		v.P50, v.P95 = Number(s.now.quantile(0.5)), Number(s.now.quantile(0.95))
		v.Min, v.Max = Number(s.now.min), Number(s.now.max)
	case s.kind != kindCounter:
		v.Rate = Unknown()
	}
	if s.beforeAt.IsZero() {
		v.Rate = Unknown()
	}
	return v
}

func (m *metricStore) usage() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Usage{Name: "metric series", Kept: len(m.series), Dropped: m.refused, Bytes: m.bytes, MaxBytes: m.max}
}
