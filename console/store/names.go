package store

import (
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Limits of what is kept of each name of a span.
const (
	nameMinutes = 60
	nameBins    = 40
	nameSlow    = 3       // slowest spans
	slowBytes   = 4 << 10 // longest record of one
	nameBytes   = nameMinutes*240 + nameSlow*(slowBytes+64) + 4*maxName

	slowLasts = nameMinutes * time.Minute // so long is a span one of the slowest
	nameLasts = 10 * time.Minute          // so long a name keeps its place without a span
	nameRetry = 10 * time.Second          // between searches for one that has lost it
)

// nameTable keeps statistics and the slowest spans of each name. They have room
// of their own, so neither a flood of other names nor one of fast spans evicts
// them. The spans of packages bulk and health are not in it.
type nameTable struct {
	mu       sync.Mutex
	names    map[nameKey]*spanName
	max      int
	searched time.Time // in vain, for a name to forget
	untold   uint64    // spans whose names found no room
}

type nameKey struct{ scope, name string }

// spanName is what is known about the spans of one name.
type spanName struct {
	kind    trace.SpanKind
	last    time.Time
	minutes [nameMinutes]nameMinute // by the minute since 1970
	slow    [nameSlow]slowSpan
}

type nameMinute struct {
	minute        int64
	count, errors uint32
	total, max    int64 // nanoseconds
	slow, failed  trace.TraceID
	bins          [nameBins]uint32
}

// slowSpan is a copy of a record whose other copy may have been overwritten.
type slowSpan struct {
	nanos int64
	at    time.Time
	rec   []byte
	ring  *ring
	seq   uint64 // of the segment with the other copy
}

func newNameTable(budget int) *nameTable {
	return &nameTable{names: map[nameKey]*spanName{}, max: budget / nameBytes}
}

// observe takes in a span that has ended and whose record is in segment seq of r.
func (t *nameTable) observe(s sdktrace.ReadOnlySpan, key nameKey, rec []byte, r *ring, seq uint64) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.at(key, now)
	if n == nil {
		t.untold++
		return
	}
	n.last, n.kind = now, s.SpanKind()
	nanos := max(0, s.EndTime().Sub(s.StartTime()).Nanoseconds())
	n.count(now, nanos, s.Status().Code == codes.Error, s.SpanContext().TraceID())
	c := n.slot(now)
	if c.rec != nil && c.nanos >= nanos && now.Sub(c.at) < slowLasts {
		return
	}
	if c.rec == nil {
		c.rec = make([]byte, 0, slowBytes)
	}
	c.nanos, c.at, c.ring, c.seq = nanos, now, r, seq
	if len(rec) <= slowBytes {
		c.rec = append(c.rec[:0], rec...)
	} else {
		c.rec = encodeSpan(c.rec[:0], s, slowBytes)
	}
}

// at returns the name and makes it when it is new. When there is no room, one
// that was not seen for long gives way.
func (t *nameTable) at(key nameKey, now time.Time) *spanName {
	key.scope, key.name = Cut(key.scope, maxName), Cut(key.name, maxName)
	if n := t.names[key]; n != nil {
		return n
	}
	n := &spanName{}
	if len(t.names) >= t.max {
		if n = t.forget(now); n == nil {
			return nil
		}
	}
	t.names[nameKey{strings.Clone(key.scope), strings.Clone(key.name)}] = n
	return n
}

// forget returns the memory of a name that has lost its place, emptied.
func (t *nameTable) forget(now time.Time) *spanName {
	if now.Sub(t.searched) < nameRetry {
		return nil
	}
	for key, n := range t.names {
		if now.Sub(n.last) < nameLasts {
			continue
		}
		delete(t.names, key)
		empty := spanName{slow: n.slow}
		for i := range empty.slow {
			c := &empty.slow[i]
			*c = slowSpan{rec: c.rec[:0]}
		}
		*n = empty
		return n
	}
	t.searched = now
	return nil
}

// slot returns where a slow span would go: the place of the least slow one.
func (n *spanName) slot(now time.Time) *slowSpan {
	least := &n.slow[0]
	for i := range n.slow {
		c := &n.slow[i]
		if len(c.rec) == 0 || now.Sub(c.at) >= slowLasts {
			return c
		}
		if c.nanos < least.nanos {
			least = c
		}
	}
	return least
}

func (n *spanName) count(now time.Time, nanos int64, hasFailed bool, id trace.TraceID) { //nolint:revive // flag-parameter: it is counted
	minute := now.Unix() / 60
	m := &n.minutes[minute%nameMinutes]
	if m.minute != minute {
		*m = nameMinute{minute: minute}
	}
	m.count++
	m.total += nanos
	m.bins[binOf(nanos)]++
	if nanos >= m.max {
		m.max, m.slow = nanos, id
	}
	if hasFailed {
		m.errors++
		m.failed = id
	}
}

// firstBin is the power of two, in nanoseconds, below which everything is in the
// first bin. Above it there are two for each power.
const firstBin = 16

func binOf(nanos int64) int {
	n := bits.Len64(uint64(nanos))
	if n <= firstBin {
		return 0
	}
	return min(1+2*(n-1-firstBin)+int(nanos>>(n-2))&1, nameBins-1)
}

// binBounds returns the upper bounds of all bins but the last, in seconds.
func binBounds() []float64 {
	bounds := make([]float64, nameBins-1)
	for i := range bounds {
		bounds[i] = float64(int64(2+i%2)<<(firstBin-1+i/2)) / 1e9
	}
	return bounds
}

// keys returns all names, which are then read one by one: a span that ends waits
// for the reading of one at most.
func (t *nameTable) keys() []nameKey {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.AppendSeq(make([]nameKey, 0, len(t.names)), maps.Keys(t.names))
}

// read calls f with a name, and returns false when it has given way to another.
func (t *nameTable) read(key nameKey, f func(n *spanName)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.names[key]
	if n == nil {
		return false
	}
	f(n)
	return true
}

// walk calls f with the slow spans whose other copy is gone.
func (t *nameTable) walk(f func(rec []byte)) {
	var found [nameSlow][]byte
	for _, key := range t.keys() {
		for i := range found {
			found[i] = found[i][:0]
		}
		t.read(key, func(n *spanName) {
			for i := range n.slow {
				if c := &n.slow[i]; len(c.rec) > 0 && !c.ring.has(c.seq) {
					found[i] = append(found[i], c.rec...)
				}
			}
		})
		for _, rec := range found {
			if len(rec) > 0 {
				f(rec)
			}
		}
	}
}

func (t *nameTable) usage() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Usage{
		Name: "span names, with their slowest spans", Kept: len(t.names), Dropped: t.untold,
		Bytes: len(t.names) * nameBytes, MaxBytes: t.max * nameBytes,
	}
}
