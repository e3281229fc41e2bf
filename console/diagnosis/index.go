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

// slot returns the place of the span with this id, -1 when there is none, and
// where in the table that is, or would be. Ids are random, but nobody needs to
// keep to that.
func (x *index) slot(spans []span, id trace.SpanID) (slot int, at int32) {
	i := int(binary.LittleEndian.Uint64(id[:]) * 0x9e3779b97f4a7c15 >> x.shift)
	for ; x.at[i] != 0; i = (i + 1) % len(x.at) {
		if spans[x.at[i]-1].id == id {
			return i, x.at[i] - 1
		}
	}
	return i, -1
}

// put takes in the last of the spans, whose slot it is.
func (x *index) put(spans []span, slot int) {
	x.at[slot] = int32(len(spans))
	if 2*len(spans) <= len(x.at) {
		return
	}
	*x = newIndex(len(x.at))
	for i := range spans {
		slot, _ := x.slot(spans, spans[i].id)
		x.at[slot] = int32(i + 1)
	}
}
