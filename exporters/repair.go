package exporters

import (
	"errors"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// isInvalidUTF8 recognises what the protobuf library says when it cannot write
// a message.
func isInvalidUTF8(err error) bool {
	_, ok := errors.AsType[invalidUTF8](err)
	return ok
}

// invalidUTF8 is what the protobuf library's error has beside its text.
type invalidUTF8 interface {
	error
	InvalidUTF8() bool
}

// valid marks bytes that are not UTF-8, as the decoders of Go and of browsers
// do. Valid text comes back as it is.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// each returns a new slice: what the SDK handed out stays as it is.
func each[E any](all []E, repaired func(E) E) []E {
	out := make([]E, len(all))
	for i, e := range all {
		out[i] = repaired(e)
	}
	return out
}

func validAttributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	return each(attrs, validAttribute)
}

func validAttribute(a attribute.KeyValue) attribute.KeyValue {
	return attribute.KeyValue{Key: attribute.Key(valid(string(a.Key))), Value: validValue(a.Value)}
}

func validValue(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(valid(v.AsString()))
	case attribute.STRINGSLICE:
		return attribute.StringSliceValue(each(v.AsStringSlice(), valid))
	case attribute.SLICE:
		return attribute.SliceValue(each(v.AsSlice(), validValue)...)
	case attribute.MAP:
		return attribute.MapValue(validAttributes(v.AsMap())...)
	}
	return v
}

func validSet(set attribute.Set) attribute.Set {
	attrs := set.ToSlice()
	repaired := validAttributes(attrs)
	if slices.Equal(attrs, repaired) {
		return set
	}
	return attribute.NewSet(repaired...)
}

func validScope(s instrumentation.Scope) instrumentation.Scope {
	return instrumentation.Scope{Name: valid(s.Name), Version: valid(s.Version), SchemaURL: valid(s.SchemaURL), Attributes: validSet(s.Attributes)}
}

// validResource returns r itself if nothing is wrong with it.
func validResource(r *resource.Resource) *resource.Resource {
	attrs, schema := r.Attributes(), valid(r.SchemaURL())
	repaired := validAttributes(attrs)
	if schema == r.SchemaURL() && slices.Equal(attrs, repaired) {
		return r
	}
	return resource.NewWithAttributes(schema, repaired...)
}

// validSpan is a span whose text is repaired as it is read.
type validSpan struct{ sdktrace.ReadOnlySpan }

func validSpans(batch []sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	return each(batch, func(s sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan { return validSpan{s} })
}

// Name implements [sdktrace.ReadOnlySpan], as the other methods do.
func (s validSpan) Name() string { return valid(s.ReadOnlySpan.Name()) }

func (s validSpan) Attributes() []attribute.KeyValue {
	return validAttributes(s.ReadOnlySpan.Attributes())
}

func (s validSpan) Events() []sdktrace.Event {
	return each(s.ReadOnlySpan.Events(), func(e sdktrace.Event) sdktrace.Event {
		e.Name, e.Attributes = valid(e.Name), validAttributes(e.Attributes)
		return e
	})
}

func (s validSpan) Links() []sdktrace.Link {
	return each(s.ReadOnlySpan.Links(), func(l sdktrace.Link) sdktrace.Link {
		l.Attributes = validAttributes(l.Attributes)
		return l
	})
}

func (s validSpan) Status() sdktrace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = valid(status.Description)
	return status
}

func (s validSpan) Resource() *resource.Resource { return validResource(s.ReadOnlySpan.Resource()) }

func (s validSpan) InstrumentationScope() instrumentation.Scope {
	return validScope(s.ReadOnlySpan.InstrumentationScope())
}

func (s validSpan) InstrumentationLibrary() instrumentation.Scope { return s.InstrumentationScope() }
