package store

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// SpanHead is what is cheap to read of a span, for those who look at all of
// them. Its text is as it came: clean what is shown.
type SpanHead struct {
	TraceID              trace.TraceID
	SpanID, ParentID     trace.SpanID
	Start, End           time.Time // End is zero while the span is unfinished
	Kind                 trace.SpanKind
	Failed               bool
	Name, Scope, Message string

	rest string // encoded
}

// Texts calls f with each attribute whose value is no number and no bool.
func (h *SpanHead) Texts(f func(key, value string)) {
	d := decoder{s: h.rest}
	n, _ := d.list()
	for range n {
		key := d.raw()
		switch d.byte() {
		case typeInt:
			d.int()
		case typeFloat:
			d.fixed()
		case typeBool:
			d.byte()
		default:
			f(key, d.raw())
		}
	}
}

// EachSpan calls f with every span kept that was not over at since, in no
// order; one that ends meanwhile may come twice. What is older than the oldest
// span of the ordinary ones is left out: of that time failed ones are kept
// alone, and shares would be wrong. The head is valid during the call only, its
// text stays.
func (st *Store) EachSpan(since time.Time, f func(h *SpanHead)) {
	var h SpanHead
	from := later(since, st.spans.recent.completeSince()).UnixNano()
	st.spans.walk(func(rec []byte) {
		if end := int64(binary.LittleEndian.Uint64(rec[spanEndAt:])); end != 0 && end < from {
			return
		}
		d := decoder{s: string(rec)}
		h.TraceID, h.SpanID, h.ParentID = trace.TraceID(rec[spanTraceAt:]), trace.SpanID(rec[spanIDAt:]), trace.SpanID(rec[spanParentAt:])
		d.take(spanStartAt)
		h.Start, h.End = d.time(), d.time()
		h.Kind, h.Failed = trace.SpanKind(d.byte()), codes.Code(d.byte()) == codes.Error
		h.Name, h.Scope, h.Message = d.raw(), d.raw(), d.raw()
		h.rest = d.s
		f(&h)
	})
}

// Instruments returns the instruments whose names are wanted, with all series
// of the last collection.
func (st *Store) Instruments(want func(name string) bool) []Instrument {
	st.metrics.fresh()
	m := st.metrics
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []Instrument{}
	at := map[[2]string]int{}
	for _, s := range m.series {
		if !m.current(s) || !want(s.name) {
			continue
		}
		i, ok := at[[2]string{s.scope, s.name}]
		if !ok {
			i = len(list)
			at[[2]string{s.scope, s.name}] = i
			list = append(list, Instrument{Name: s.name, Kind: s.kind, Unit: s.unit, Description: s.description, Scope: s.scope})
		}
		list[i].Series = append(list[i].Series, s.view(m.samples))
	}
	for i := range list {
		slices.SortFunc(list[i].Series, func(a, b Series) int { return strings.Compare(a.Attributes.String(), b.Attributes.String()) })
	}
	slices.SortFunc(list, func(a, b Instrument) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Scope, b.Scope))
	})
	return list
}
