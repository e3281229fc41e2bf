package store

import (
	"encoding/binary"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Limits of one stored record. What is cut is marked in the text itself or
// counted in the record.
const (
	maxValue      = 2 << 10 // bytes of an attribute value, a log body or a status message
	maxName       = 256     // bytes of a name or an attribute key
	maxAttributes = 64
	maxEvents     = 128
	maxLinks      = 32
)

// Types of an encoded attribute value.
const (
	typeString byte = iota
	typeInt
	typeFloat
	typeBool
)

// encoder appends the parts of one record to b. What no longer fits within max
// bytes is left out by the callers, who ask room first.
type encoder struct {
	b   []byte
	max int
}

func (e *encoder) room(n int) bool { return len(e.b)+n <= e.max }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }

func (e *encoder) fixed(v uint64) { e.b = binary.LittleEndian.AppendUint64(e.b, v) }

// time writes t as nanoseconds since 1970, zero for the zero time.
func (e *encoder) time(t time.Time) { e.fixed(uint64(nanos(t, 0))) }

// nanos returns t in nanoseconds since 1970, or what stands for the zero time. Years
// before 1825 and after 2114 count as these, so that differences fit as well.
func nanos(t time.Time, zero int64) int64 {
	switch year := t.Year(); {
	case t.IsZero():
		return zero
	case year < 1825:
		return math.MinInt64 / 2
	case year > 2114:
		return math.MaxInt64 / 2
	}
	return t.UnixNano()
}

// text writes s, at most limit bytes of it, the last of which tell how much is
// missing.
func (e *encoder) text(s string, limit int) {
	s = Cut(s, limit)
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

// Cut returns at most limit bytes of s, at least 64, the last of which tell how
// much is missing. What the cut would sever of a secret is taken out. The result
// shares no memory with s when it was cut.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return secrets().TextWithin(s, limit)
}

// cutBytes is Cut of what is borrowed.
func cutBytes(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	return []byte(Cut(string(b), limit))
}

// longestAttribute bounds what attribute writes.
const longestAttribute = maxName + maxValue + 128

func (e *encoder) attribute(kv attribute.KeyValue) {
	e.text(string(kv.Key), maxName)
	switch kv.Value.Type() {
	case attribute.INT64:
		e.b = append(e.b, typeInt)
		e.b = binary.AppendVarint(e.b, kv.Value.AsInt64())
	case attribute.FLOAT64:
		e.b = append(e.b, typeFloat)
		e.fixed(math.Float64bits(kv.Value.AsFloat64()))
	case attribute.BOOL:
		var v byte
		if kv.Value.AsBool() {
			v = 1
		}
		e.b = append(e.b, typeBool, v)
	default:
		e.b = append(e.b, typeString)
		e.text(kv.Value.String(), maxValue)
	}
}

// Attributes writes as many of attrs as limits and room allow.
func (e *encoder) attributes(attrs []attribute.KeyValue, dropped int) {
	at := e.list()
	n := 0
	for ; n < min(len(attrs), maxAttributes) && e.room(longestAttribute); n++ {
		e.attribute(attrs[n])
	}
	e.endList(at, n, len(attrs)-n+dropped)
}

// listHead is how long the head of a list is: how many there are, and how many
// were dropped.
const listHead = 6

// list reserves the head of a list whose length is not known yet.
func (e *encoder) list() int {
	e.b = append(e.b, make([]byte, listHead)...)
	return len(e.b)
}

func (e *encoder) endList(at, n, dropped int) {
	binary.LittleEndian.PutUint16(e.b[at-listHead:], uint16(n))
	binary.LittleEndian.PutUint32(e.b[at-4:], uint32(min(dropped, math.MaxInt32)))
}

// decoder reads what encoder wrote. It trusts its input: records never leave
// the process.
type decoder struct{ s string }

func (d *decoder) take(n int) string {
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

func (d *decoder) byte() byte { return d.take(1)[0] }

func (d *decoder) uint() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := d.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) fixed() uint64 {
	return binary.LittleEndian.Uint64([]byte(d.take(8)))
}

func (d *decoder) time() time.Time {
	if ns := int64(d.fixed()); ns != 0 {
		return time.Unix(0, ns).UTC()
	}
	return time.Time{}
}

func (d *decoder) raw() string { return d.take(int(d.uint())) }

// text returns the next string, made safe to show.
func (d *decoder) text() string { return Clean(d.raw()) }

func (d *decoder) list() (n, dropped int) {
	head := []byte(d.take(listHead))
	return int(binary.LittleEndian.Uint16(head)), int(binary.LittleEndian.Uint32(head[2:]))
}

func (d *decoder) attributes() (Attributes, int) {
	n, dropped := d.list()
	list := make(Attributes, n)
	for i := range list {
		list[i] = d.attribute()
	}
	return list, dropped
}

func (d *decoder) attribute() Attribute {
	kv := attribute.KeyValue{Key: attribute.Key(d.raw())}
	switch d.byte() {
	case typeInt:
		kv.Value = attribute.Int64Value(d.int())
	case typeFloat:
		kv.Value = attribute.Float64Value(math.Float64frombits(d.fixed()))
	case typeBool:
		kv.Value = attribute.BoolValue(d.byte() == 1)
	default:
		kv.Value = attribute.StringValue(d.raw())
	}
	return attrOf(kv)
}
