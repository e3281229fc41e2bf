package store

import (
	"math"
	"runtime/metrics"
	"slices"
	"sync"
	"time"
)

// Figure is one value of the Go runtime.
type Figure struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Unit    string   `json:"unit"` // By, s, 1 (a share) or a count in braces
	Value   Number   `json:"value"`
	History []Number `json:"history"` // oldest first, interval_seconds apart
}

// Runtime is the state of the Go runtime.
type Runtime struct {
	AsOf      time.Time `json:"as_of"`
	HistoryAt time.Time `json:"history_as_of"` // of the last point of every history
	Interval  Number    `json:"interval_seconds"`
	Figures   []Figure  `json:"figures"`
}

// runtimeFigure says how one figure is made of one runtime metric.
type runtimeFigure struct {
	name, title, unit, metric string
	of                        func(now, before metrics.Value, seconds float64) float64
}

func runtimeTable() []runtimeFigure {
	return []runtimeFigure{
		{"goroutines", "Goroutines", "{goroutine}", "/sched/goroutines:goroutines", valueNow},
		{"heap", "Heap in use", "By", "/memory/classes/heap/objects:bytes", valueNow},
		{"heap.live", "Heap after GC", "By", "/gc/heap/live:bytes", valueNow},
		{"memory", "Memory from OS", "By", "/memory/classes/total:bytes", valueNow},
		{"allocation", "Allocated", "By/s", "/gc/heap/allocs:bytes", perSecond},
		{"gc", "GC cycles", "{cycle}/min", "/gc/cycles/total:gc-cycles", perMinute},
		{"gc.pause", "GC pause, p99", "s", "/sched/pauses/total/gc:seconds", p99},
		{"sched.latency", "Sched delay, p99", "s", "/sched/latencies:seconds", p99},
		{"mutex.wait", "Waiting for locks", "s/s", "/sync/mutex/wait/total:seconds", perSecond},
	}
}

func valueNow(now, _ metrics.Value, _ float64) float64 { return runtimeNumber(now) }

func perSecond(now, before metrics.Value, seconds float64) float64 {
	if before.Kind() == metrics.KindBad || seconds <= 0 {
		return math.NaN()
	}
	return (runtimeNumber(now) - runtimeNumber(before)) / seconds
}

func perMinute(now, before metrics.Value, seconds float64) float64 {
	return 60 * perSecond(now, before, seconds)
}

func runtimeNumber(v metrics.Value) float64 {
	switch v.Kind() {
	case metrics.KindUint64:
		return float64(v.Uint64())
	case metrics.KindFloat64:
		return v.Float64()
	default:
		return math.NaN()
	}
}

// p99 is of the interval, or of the whole run when there was none before.
func p99(now, before metrics.Value, _ float64) float64 {
	if now.Kind() != metrics.KindFloat64Histogram {
		return math.NaN()
	}
	h := now.Float64Histogram()
	r := reading{bounds: h.Buckets[1:], counts: slices.Concat(h.Counts, []uint64{0}), min: math.NaN(), max: math.NaN()}
	if before.Kind() == metrics.KindFloat64Histogram {
		old := before.Float64Histogram()
		r = r.since(reading{count: 1, bounds: old.Buckets[1:], counts: slices.Concat(old.Counts, []uint64{0})})
	}
	return r.quantile(0.99)
}

// runtimeFigures keeps the figures with their history.
type runtimeFigures struct {
	mu      sync.Mutex
	at      time.Time
	now     []float64
	before  []metrics.Sample // at the last sample
	history []history
	samples int64

	minuteAt time.Time
	minute   []metrics.Sample // at the last point of coarse
	coarse   []history
}

// runtimeBytes is what the figures are charged for: with their histograms, of
// which the runtime's have up to 900 buckets, three readings of each.
const runtimeBytes = 8*8*(historyLen+coarseLen) + 2*3*900*8

// sampleRuntime reads the figures. Rates and quantiles are over the time since
// the last sample.
func (m *metricStore) sampleRuntime(why occasion) {
	table := runtimeTable()
	read := make([]metrics.Sample, len(table))
	for i := range table {
		read[i].Name = table[i].metric
	}
	metrics.Read(read)
	now := time.Now()

	f := &m.runtime
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now == nil {
		f.now = make([]float64, len(table))
		for range table {
			f.history, f.coarse = append(f.history, newHistory(historyLen)), append(f.coarse, newHistory(coarseLen))
		}
	}
	for i := range table {
		f.now[i] = table[i].of(read[i].Value, valueOf(f.before, i), now.Sub(f.at).Seconds())
	}
	if why != sampling && f.before != nil {
		return
	}
	f.at, f.before = now, read
	f.samples++
	for i := range f.history {
		f.history[i].add(f.samples, f.now[i])
	}
	if f.samples%coarseSamples != 0 {
		return
	}
	for i := range f.coarse {
		f.coarse[i].add(f.samples/coarseSamples, table[i].of(read[i].Value, valueOf(f.minute, i), now.Sub(f.minuteAt).Seconds()))
	}
	f.minuteAt, f.minute = now, read
}

// valueOf returns one value of a reading, which may be nil: there was none.
func valueOf(read []metrics.Sample, i int) (v metrics.Value) {
	if read != nil {
		v = read[i].Value
	}
	return v
}

// Runtime returns the state of the Go runtime, read now.
func (st *Store) Runtime() Runtime {
	st.metrics.sampleRuntime(demanded)
	f := &st.metrics.runtime
	f.mu.Lock()
	defer f.mu.Unlock()
	report := Runtime{AsOf: time.Now(), HistoryAt: f.at, Interval: Number(sampleInterval.Seconds()), Figures: []Figure{}}
	for i, t := range runtimeTable() {
		report.Figures = append(report.Figures, Figure{
			Name: t.name, Title: t.title, Unit: t.unit, Value: Number(f.now[i]), History: f.history[i].until(f.samples),
		})
	}
	return report
}
