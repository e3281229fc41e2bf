package exporters

import (
	"errors"
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// wire writes requests of spans and of log records as the official exporters do,
// byte for byte, but without the messages that those build first, which took
// most of the time of a delivery. What is unusual it leaves to them. The numbers
// are those of the fields in OTLP's .proto files.
type wire struct {
	b   []byte
	err error // and b is not to be used
}

var (
	// errUnusual leaves it to the official exporter, also to tell what is wrong.
	errUnusual = errors.New("has to be encoded by the official exporter")
	errLarge   = errors.New("larger than any request")
)

// written appends to buf what write does.
func written(buf []byte, write func(*wire)) (body []byte, err error) {
	w := wire{b: buf}
	defer func() {
		if recover() != nil {
			err = errUnusual
		}
	}()
	write(&w)
	return w.b, w.err
}

// source is where an item comes from.
type source struct {
	resource *resource.Resource
	scope    instrumentation.Scope
}

// request groups n items by their scopes, in the order in which these first
// occur. More than one resource is unusual. If they are too large together, it
// ends soon, so that a queue of huge values is not in memory twice.
func (w *wire) request(n int, of func(int) source, item func(int)) {
	if n == 0 {
		return
	}
	from := of(0).resource
	if from.Len() == 0 {
		w.err = errUnusual
	}
	inResource := w.begin(1)
	r := w.begin(1)
	for i := from.Iter(); i.Next(); {
		w.attribute(1, i.Attribute())
	}
	w.end(r)
	grouped := make([]bool, n)
	for first := range n {
		if grouped[first] {
			continue
		}
		scope := of(first).scope
		inScope := w.begin(2)
		w.scope(scope)
		for i := first; i < n; i++ {
			s := of(i)
			if s.resource != from && s.resource.Equivalent() != from.Equivalent() {
				w.err = errUnusual
			}
			if grouped[i] || s.scope != scope {
				continue
			}
			grouped[i] = true
			started := w.begin(2)
			item(i)
			w.end(started)
			if n > 1 && len(w.b) > maxRequest {
				w.err = errLarge
				return
			}
		}
		w.text(3, scope.SchemaURL)
		w.end(inScope)
	}
	w.text(3, from.SchemaURL())
	w.end(inResource)
}

func (w *wire) scope(s instrumentation.Scope) {
	if s == (instrumentation.Scope{}) {
		return
	}
	started := w.begin(1)
	w.text(1, s.Name)
	w.text(2, s.Version)
	for i := s.Attributes.Iter(); i.Next(); {
		w.attribute(3, i.Attribute())
	}
	w.end(started)
}

func (w *wire) spans(batch []sdktrace.ReadOnlySpan) {
	w.request(len(batch),
		func(i int) source { return source{batch[i].Resource(), batch[i].InstrumentationScope()} },
		func(i int) { w.span(batch[i]) })
}

func (w *wire) span(s sdktrace.ReadOnlySpan) {
	own, parent, status := s.SpanContext(), s.Parent(), s.Status()
	w.ids(1, own.TraceID(), 2, own.SpanID())
	w.text(3, own.TraceState().String())
	if id := parent.SpanID(); id.IsValid() {
		w.bytes(4, id[:])
	}
	w.text(5, s.Name())
	if kind := s.SpanKind(); kind > trace.SpanKindUnspecified && kind <= trace.SpanKindConsumer {
		w.number(6, uint64(kind)) //nolint:gosec // not negative; OTLP has the same numbers
	}
	w.time(7, s.StartTime())
	w.time(8, s.EndTime())
	w.attributes(9, s.Attributes())
	w.count(10, s.DroppedAttributes())
	for _, e := range s.Events() {
		started := w.begin(11)
		w.time(1, e.Time)
		w.text(2, e.Name)
		w.attributes(3, e.Attributes)
		w.count(4, e.DroppedAttributeCount)
		w.end(started)
	}
	w.count(12, s.DroppedEvents())
	for _, l := range s.Links() {
		started := w.begin(13)
		w.ids(1, l.SpanContext.TraceID(), 2, l.SpanContext.SpanID())
		w.attributes(4, l.Attributes)
		w.count(5, l.DroppedAttributeCount)
		w.fixed32(6, flagsOf(l.SpanContext.TraceFlags(), l.SpanContext))
		w.end(started)
	}
	w.count(14, s.DroppedLinks())
	started := w.begin(15)
	w.text(2, status.Description)
	switch status.Code {
	case codes.Ok:
		w.number(3, uint64(tracepb.Status_STATUS_CODE_OK))
	case codes.Error:
		w.number(3, uint64(tracepb.Status_STATUS_CODE_ERROR))
	}
	w.end(started)
	w.fixed32(16, flagsOf(own.TraceFlags(), parent))
}

// flagsOf adds to a span's flags whether another span is of another process.
func flagsOf(f trace.TraceFlags, other trace.SpanContext) uint32 {
	flags := uint32(f) | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if other.IsRemote() {
		flags |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return flags
}

func (w *wire) records(batch []sdklog.Record) {
	w.request(len(batch),
		func(i int) source { return source{batch[i].Resource(), batch[i].InstrumentationScope()} },
		func(i int) { w.record(&batch[i]) })
}

func (w *wire) record(r *sdklog.Record) {
	w.time(1, r.Timestamp())
	if s := r.Severity(); s >= log.SeverityTrace && s <= log.SeverityFatal4 {
		w.number(2, uint64(s)) //nolint:gosec // not negative; OTLP has the same numbers
	}
	w.text(3, r.SeverityText())
	w.value(5, r.Body())
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		w.attribute(6, a)
		return true
	})
	w.count(7, r.DroppedAttributes())
	w.fixed32(8, uint32(r.TraceFlags()))
	if id := r.TraceID(); id.IsValid() {
		w.bytes(9, id[:])
	}
	if id := r.SpanID(); id.IsValid() {
		w.bytes(10, id[:])
	}
	w.time(11, r.ObservedTimestamp())
	w.text(12, r.EventName())
}

func (w *wire) attributes(field protowire.Number, all []attribute.KeyValue) {
	for _, a := range all {
		w.attribute(field, a)
	}
}

func (w *wire) attribute(field protowire.Number, a attribute.KeyValue) {
	started := w.begin(field)
	w.text(1, string(a.Key))
	w.value(2, a.Value)
	w.end(started)
}

// value writes an AnyValue, which is there even if it is zero.
func (w *wire) value(field protowire.Number, v attribute.Value) {
	started := w.begin(field)
	switch v.Type() {
	case attribute.EMPTY:
	case attribute.STRING:
		w.string(1, v.AsString())
	case attribute.BOOL:
		w.tag(2, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, protowire.EncodeBool(v.AsBool()))
	case attribute.INT64:
		w.tag(3, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, uint64(v.AsInt64())) //nolint:gosec // two's complement, as OTLP has it
	case attribute.FLOAT64:
		w.tag(4, protowire.Fixed64Type)
		w.b = protowire.AppendFixed64(w.b, math.Float64bits(v.AsFloat64()))
	case attribute.BYTESLICE:
		w.bytes(7, v.AsByteSlice())
	case attribute.MAP:
		list := w.begin(6)
		w.attributes(1, v.AsMap())
		w.end(list)
	case attribute.SLICE:
		values(w, v.AsSlice(), func(v attribute.Value) attribute.Value { return v })
	case attribute.STRINGSLICE:
		values(w, v.AsStringSlice(), attribute.StringValue)
	case attribute.BOOLSLICE:
		values(w, v.AsBoolSlice(), attribute.BoolValue)
	case attribute.INT64SLICE:
		values(w, v.AsInt64Slice(), attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		values(w, v.AsFloat64Slice(), attribute.Float64Value)
	default:
		w.err = errUnusual
	}
	w.end(started)
}

func values[E any](w *wire, all []E, value func(E) attribute.Value) {
	list := w.begin(5)
	for _, e := range all {
		w.value(1, value(e))
	}
	w.end(list)
}
