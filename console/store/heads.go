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
	Start, End           int64 // nanoseconds since 1970; End is zero while the span is unfinished
	Kind                 trace.SpanKind
	Failed, Panicked     bool
	Name, Scope, Message []byte

	rest []byte // encoded
}

// Texts calls f with each attribute whose value is no number and no bool.
func (h *SpanHead) Texts(f func(key, value []byte)) { eachAttribute(h.rest, f, nothing) }

// Int returns the value of an attribute that is an integer, zero without it.
func (h *SpanHead) Int(name string) (value int64) {
	eachAttribute(h.rest, nothing, func(key, encoded []byte) {
		if string(key) == name {
			value, _ = binary.Varint(encoded)
		}
	})
	return value
}

// Exception returns what the first exception on the span says, nil without one.
func (h *SpanHead) Exception() (message []byte) {
	rest := eachAttribute(h.rest, nothing, nothing)
	n := binary.LittleEndian.Uint16(rest)
	rest = rest[listHead:]
	for range n {
		var name []byte
		name, rest = rawText(rest[8:])
		rest = eachAttribute(rest, func(key, value []byte) {
			if message == nil && string(name) == exceptionEvent && string(key) == "exception.message" {
				message = value
			}
		}, nothing)
	}
	return message
}

func nothing(_, _ []byte) {}

// eachAttribute calls text with each attribute that is one and number with each
// encoded integer, and returns what follows the list that list begins with.
func eachAttribute(list []byte, text, number func(key, value []byte)) (rest []byte) {
	rest = list[listHead:]
	for range binary.LittleEndian.Uint16(list) {
		var key, value []byte
		key, rest = rawText(rest)
		kind := rest[0]
		switch rest = rest[1:]; kind {
		case typeInt:
			_, n := binary.Uvarint(rest)
			number(key, rest[:n])
			rest = rest[n:]
		case typeFloat:
			rest = rest[8:]
		case typeBool:
			rest = rest[1:]
		default:
			value, rest = rawText(rest)
			text(key, value)
		}
	}
	return rest
}

// EachSpan calls f with every span kept that was not over at since, in no
// order; one that ends meanwhile may come twice. What is older than the oldest
// span of the ordinary ones is left out: of that time failed ones are kept
// alone, and shares would be wrong. The head and its text are valid during the
// call only.
func (st *Store) EachSpan(since time.Time, f func(h *SpanHead)) {
	var h SpanHead
	from := later(since, st.spans.recent.completeSince()).UnixNano()
	st.spans.walk(func(rec []byte) {
		h.End = int64(binary.LittleEndian.Uint64(rec[spanEndAt:]))
		if h.End != 0 && h.End < from {
			return
		}
		h.TraceID, h.SpanID, h.ParentID = trace.TraceID(rec[spanTraceAt:]), trace.SpanID(rec[spanIDAt:]), trace.SpanID(rec[spanParentAt:])
		h.Start = int64(binary.LittleEndian.Uint64(rec[spanStartAt:]))
		h.Kind, h.Failed = trace.SpanKind(rec[spanKindAt]), statusOf(rec) == codes.Error
		h.Panicked = rec[spanStatusAt]&spanPanicked != 0
		h.Name, h.rest = rawText(rec[spanTextAt:])
		h.Scope, h.rest = rawText(h.rest)
		h.Message, h.rest = rawText(h.rest)
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
