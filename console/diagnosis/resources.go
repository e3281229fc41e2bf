package diagnosis

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

// Instruments of connection pools: those of the conventions, their older names
// and those of otelsql.
const (
	poolWaiting    = "db.client.connection.pending_requests"
	poolWaitingOld = "db.client.connections.pending_requests"
	poolWaits      = "db.sql.connection.wait"
	poolCount      = "db.client.connection.count"
	poolCountOld   = "db.client.connections.usage"
	poolCountSQL   = "db.sql.connection.open"
	poolMax        = "db.client.connection.max"
	poolMaxOld     = "db.client.connections.max"
	poolMaxSQL     = "db.sql.connection.max_open"
)

const (
	cpuTime = "process.cpu.time"
	cpus    = "go.processor.limit"
)

// wanted tells which instruments the rules read.
func wanted(name string) bool {
	switch name {
	case poolWaiting, poolWaitingOld, poolWaits, poolCount, poolCountOld, poolCountSQL, poolMax, poolMaxOld, poolMaxSQL,
		cpuTime, cpus, keys.BulkItems, keys.BulkOperationIdleTime:
		return true
	}
	return isQueue(name)
}

// isQueue tells by its name whether a metric of the application counts what
// waits.
func isQueue(name string) bool {
	prefix, _, _ := strings.Cut(name, ".")
	if slices.Contains([]string{"bulk", "health", "otelmon", "otel", "go", "process", "db", "system"}, prefix) {
		return false
	}
	return slices.ContainsFunc(words(name), func(w string) bool {
		return slices.Contains([]string{"queue", "queued", "backlog", "lag", "pending", "depth", "waiting", "outstanding"}, w)
	})
}

// each calls f with the series of an instrument.
func (s *snapshot) each(name string, f func(*store.Series)) {
	for i := range s.instruments {
		if s.instruments[i].Name == name {
			for j := range s.instruments[i].Series {
				f(&s.instruments[i].Series[j])
			}
		}
	}
}

// numbers returns the values of a history that are known, from when the program
// had settled on.
func (s *snapshot) numbers(history []store.Number) []float64 {
	if lasts := int(s.now.Sub(s.settled).Seconds() / float64(s.runtime.Interval)); lasts < len(history) {
		history = history[len(history)-lasts:]
	}
	list := make([]float64, 0, len(history))
	for _, n := range history {
		if n.Known() {
			list = append(list, float64(n))
		}
	}
	return list
}

// figure returns the history of a figure of the runtime.
func (s *snapshot) figure(name string) []float64 {
	for _, f := range s.runtime.Figures {
		if f.Name == name {
			return s.numbers(f.History)
		}
	}
	return nil
}

// ago is the time of value i of n, of which the last is of now.
func (s *snapshot) ago(i, n int) time.Time {
	return s.now.Add(-time.Duration(float64(n-i) * float64(s.runtime.Interval) * float64(time.Second)))
}

// exhaustedPools finds pools of connections that callers wait for.
func exhaustedPools(s *snapshot) []*finding {
	var found []*finding
	for _, name := range []string{poolWaiting, poolWaitingOld, poolWaits} {
		s.each(name, func(series *store.Series) {
			v := s.numbers(series.History)
			c := waits(v)
			if !c.found {
				return
			}
			pool := poolName(series.Attributes)
			used, limit := s.pool(pool)
			what := fmt.Sprintf("callers wait for a connection of the pool %s", pool)
			if limit > 0 {
				what += fmt.Sprintf(": %.0f of %.0f are in use", used, limit)
			}
			f := find(KindPoolExhausted, pool, s.ago(c.at, len(v)), 0.75, what,
				fmt.Sprintf("all connections of %s are taken: they are held too long, not given back, or too few", pool))
			if limit > 0 && used >= 0.9*limit {
				f.Confidence = 0.9
			}
			f.show(ByMetric, seriesRef(name, series.Attributes), s.now, "requests that wait for a connection", "{request}", c.after, c.before)
			s.showPool(f, pool)
			f.ask("query_metrics", "the pool over time", "match", strings.TrimSuffix(name, name[strings.LastIndexByte(name, '.'):]))
			f.ask("get_runtime", "who holds connections", "sections", "goroutines")
			found = append(found, f)
		})
	}
	return found
}

// waits is a rise from what is usual, where zero is usual as well.
func waits(v []float64) change {
	c := rise(v)
	if c.found && c.after >= 1 {
		return c
	}
	if n := len(v); n >= 2*leastAfter && slices.Min(v[n-leastAfter:]) >= 1 && quantile(v, 0.1) >= 1 {
		return change{found: true, before: math.NaN(), after: median(v)} // it has always been so
	}
	return change{}
}

func poolName(attributes store.Attributes) string {
	for _, key := range []string{"db.client.connection.pool.name", "pool.name", "db.namespace", "db.name", "server.address", "db.system.name", "db.system"} {
		if v := attributes.Get(key); v != "" {
			return v
		}
	}
	return "db"
}

// pool returns how many connections are used and allowed, zero when unknown.
func (s *snapshot) pool(pool string) (used, limit float64) {
	for _, name := range []string{poolCount, poolCountOld, poolCountSQL} {
		s.each(name, func(series *store.Series) {
			text := series.Attributes.String()
			if poolName(series.Attributes) == pool && (strings.Contains(text, "=used") || strings.Contains(text, "=inuse")) {
				used = float64(series.Value)
			}
		})
	}
	for _, name := range []string{poolMax, poolMaxOld, poolMaxSQL} {
		s.each(name, func(series *store.Series) {
			if poolName(series.Attributes) == pool {
				limit = float64(series.Value)
			}
		})
	}
	return used, limit
}

func (s *snapshot) showPool(f *finding, pool string) {
	for _, name := range []string{poolCount, poolCountOld, poolCountSQL} {
		s.each(name, func(series *store.Series) {
			if v := s.numbers(series.History); poolName(series.Attributes) == pool && len(v) > 0 {
				f.show(ByMetric, seriesRef(name, series.Attributes), s.now, "connections", "{connection}", float64(series.Value), median(v[:(len(v)+1)/2]))
			}
		})
	}
}

// leastGoroutines is the least growth of goroutines that is worth a word.
const leastGoroutines = 50

// leaks finds goroutines and memory that become steadily more, unless there is
// as much more to do.
func leaks(s *snapshot) []*finding {
	var found []*finding
	v := s.figure("goroutines")
	if g := grows(v, leastGoroutines); g.found && s.outgrows(v, g) {
		f := find(KindGoroutineLeak, "goroutines", s.ago(g.at, len(v)), 0.85,
			fmt.Sprintf("goroutines grow steadily, from %.0f to %.0f", g.from, g.to),
			"goroutines are started that never end: they wait for something that does not come")
		f.seen = int(g.to - g.from)
		f.show(ByRuntime, "goroutines", s.now, "live goroutines", "{goroutine}", g.to, g.from)
		f.ask("get_runtime", "where most of them wait", "sections", "goroutines")
		found = append(found, f)
	}
	// What the store itself may come to take is no leak of the program.
	v = s.figure("heap.live")
	if g := grows(v, float64(s.storeBytes)); g.found && s.outgrows(v, g) {
		f := find(KindMemoryGrowth, "memory", s.ago(g.at, len(v)), 0.8,
			fmt.Sprintf("memory that is in use after garbage collection grows steadily, from %.0f to %.0f MB", g.from/1e6, g.to/1e6),
			"something is kept that is not let go: a cache without a bound, a map or a slice that only grows")
		f.show(ByRuntime, "heap.live", s.now, "heap after the last collection", "By", g.to, g.from)
		f.ask("get_runtime", "what holds the most memory", "sections", "heap")
		found = append(found, f)
	}
	return found
}

// outgrows tells whether v grew by more than there became more to do, in spans
// begun: in the last third of the growth, against what was as long before it, or
// its first third where there is nothing before.
func (s *snapshot) outgrows(v []float64, g growth) bool {
	third := (len(v) - g.at) / 3
	from, to, was := g.at, g.at+third, g.from
	if g.at > 0 {
		from, to = max(0, 2*g.at-len(v)), g.at
		was = level(v[from:to])
	}
	early, late := s.begun(from, to), s.begun(len(v)-third, len(v))
	load := 1.0
	if early >= 30 {
		load = max(1, float64(late)/float64(third)/(float64(early)/float64(to-from)))
	}
	return g.to/was > 1.5*load
}

// begun counts the spans that were begun from one value of the runtime to another.
func (s *snapshot) begun(from, to int) (n int) {
	a, b := s.ago(from, s.points()).UnixNano(), s.ago(to, s.points()).UnixNano()
	for i := range s.traffic.spans {
		if p := &s.traffic.spans[i]; p.start >= a && p.start < b {
			n++
		}
	}
	return n
}

func (s *snapshot) points() int { return len(s.figure("goroutines")) }

// busyCPU finds that the program takes all processors there are.
func busyCPU(s *snapshot) []*finding {
	var used []float64
	var ref string
	limit := 0.0
	s.each(cpuTime, func(series *store.Series) {
		v := s.numbers(series.History)
		if ref == "" || len(v) != len(used) {
			ref, used = seriesRef(cpuTime, series.Attributes), v
			return
		}
		for i := range v {
			used[i] += v[i]
		}
	})
	s.each(cpus, func(series *store.Series) { limit = float64(series.Value) })
	c := rise(used)
	if !c.found || limit == 0 || c.after < 0.85*limit {
		return nil
	}
	f := find(KindCPUSaturated, "cpu", s.ago(c.at, len(used)), 0.8,
		fmt.Sprintf("the program uses %.1f of %.0f processors, %.1f before", c.after, limit, c.before),
		"something computes without end or far more than it did, and everything else waits for a processor")
	f.show(ByMetric, ref, s.now, "processors used", "{cpu}", c.after, c.before)
	f.show(ByMetric, cpus, s.now, "processors there are", "{cpu}", limit, math.NaN())
	if r := rise(s.figure("sched.latency")); r.found {
		f.Confidence = 0.9
		f.show(ByRuntime, "sched.latency", s.now, "goroutines wait to run, 99th percentile", "s", r.after, r.before)
	}
	f.ask("get_runtime", "which goroutines run", "sections", "goroutines")
	f.ask("take_profile", "a CPU profile says what computes", "kind", "cpu")
	return []*finding{f}
}

// leastQueued is the least growth of a queue that is worth a word.
const leastQueued = 20

// fillingQueues finds queues that are filled faster than they are emptied.
func fillingQueues(s *snapshot) []*finding {
	var found []*finding
	for i := range s.instruments {
		in := &s.instruments[i]
		if !isQueue(in.Name) || (in.Kind != "gauge" && in.Kind != "updowncounter") {
			continue
		}
		for j := range in.Series {
			series := &in.Series[j]
			v := s.numbers(series.History)
			g := grows(v, leastQueued)
			if !g.found {
				continue
			}
			name := in.Name
			for _, a := range series.Attributes {
				if text, ok := a.Value.(string); ok && text != "" {
					name = text
					break
				}
			}
			f := find(KindQueueBacklog, name, s.ago(g.at, len(v)), 0.85,
				fmt.Sprintf("%s (%s) grows steadily, from %.0f to %.0f", name, in.Name, g.from, g.to),
				fmt.Sprintf("%s is filled faster than it is emptied: its consumers are too slow, too few, or stand still", name))
			f.show(ByMetric, seriesRef(in.Name, series.Attributes), s.now, "waiting", "", g.to, g.from)
			f.ask("query_metrics", "the queue over time", "name", in.Name)
			found = append(found, f)
		}
	}
	return found
}
