package exporters

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protowire"
)

func (w *wire) tag(field protowire.Number, kind protowire.Type) {
	w.b = protowire.AppendTag(w.b, field, kind)
}

// begin leaves one byte for the length of the message that follows, which end
// writes.
func (w *wire) begin(field protowire.Number) (started int) {
	w.tag(field, protowire.BytesType)
	w.b = append(w.b, 0)
	return len(w.b)
}

func (w *wire) end(started int) {
	n := uint64(len(w.b) - started) //nolint:gosec // not negative
	if more := protowire.SizeVarint(n) - 1; more > 0 {
		var room [binary.MaxVarintLen64]byte
		w.b = append(w.b, room[:more]...)
		copy(w.b[started+more:], w.b[started:])
	}
	binary.PutUvarint(w.b[started-1:], n)
}

// These write nothing for zero, as proto3 asks for.

func (w *wire) text(field protowire.Number, s string) {
	if s != "" {
		w.string(field, s)
	}
}

func (w *wire) number(field protowire.Number, v uint64) {
	if v != 0 {
		w.tag(field, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, v)
	}
}

func (w *wire) count(field protowire.Number, n int) {
	w.number(field, min(uint64(max(n, 0)), math.MaxUint32)) //nolint:gosec // not negative
}

func (w *wire) time(field protowire.Number, t time.Time) {
	if n := t.UnixNano(); n > 0 {
		w.tag(field, protowire.Fixed64Type)
		w.b = protowire.AppendFixed64(w.b, uint64(n))
	}
}

func (w *wire) fixed32(field protowire.Number, v uint32) {
	if v != 0 {
		w.tag(field, protowire.Fixed32Type)
		w.b = protowire.AppendFixed32(w.b, v)
	}
}

// These do.

func (w *wire) string(field protowire.Number, s string) {
	if !utf8.ValidString(s) {
		w.err = errUnusual
	}
	w.tag(field, protowire.BytesType)
	w.b = protowire.AppendString(w.b, s)
}

func (w *wire) bytes(field protowire.Number, b []byte) {
	w.tag(field, protowire.BytesType)
	w.b = protowire.AppendBytes(w.b, b)
}

func (w *wire) ids(field protowire.Number, t trace.TraceID, other protowire.Number, s trace.SpanID) {
	w.bytes(field, t[:])
	w.bytes(other, s[:])
}
