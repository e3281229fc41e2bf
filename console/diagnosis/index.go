package diagnosis

import (
	"encoding/binary"

	"go.opentelemetry.io/otel/trace"
)

// index finds spans by their ids. It is a table with open addressing, at most
// half full, and takes less than half of the time of a map.
type index struct {
	at    []int32 // the span's place and one, zero where there is none
	shift int
}

func newIndex(n int) index {
	x := index{shift: 64 - 10}
	for 1<<(64-x.shift) < 2*n {
		x.shift--
	}
	x.at = make([]int32, 1<<(64-x.shift))
	return x
}

// slot returns where a span's id is, or would be. Ids are random, but nobody
// needs to keep to that.
func (x *index) slot(spans []span, id trace.SpanID) int {
	i := int(binary.LittleEndian.Uint64(id[:]) * 0x9e3779b97f4a7c15 >> x.shift)
	for x.at[i] != 0 && spans[x.at[i]-1].id != id {
		i = (i + 1) % len(x.at)
	}
	return i
}

// find returns the place of a span, -1 when it is not there.
func (x *index) find(spans []span, id trace.SpanID) int32 { return x.at[x.slot(spans, id)] - 1 }

// add takes in the last of the spans.
func (x *index) add(spans []span) {
	if 2*len(spans) > len(x.at) {
		*x = newIndex(len(x.at))
		for i := range spans {
			x.at[x.slot(spans, spans[i].id)] = int32(i + 1)
		}
		return
	}
	x.at[x.slot(spans, spans[len(spans)-1].id)] = int32(len(spans))
}
