package exporters

import (
	"sync/atomic"
	"unsafe"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/otelmon/otelmon-go/internal/sanitize"
)

// sanitizer applies rules to what the SDK hands out, which stays as it is: what
// changes is a copy. It is safe for concurrent use. Each signal has its own,
// since each provider has a resource of its own.
type sanitizer struct {
	rules    *sanitize.Rules
	resource atomic.Pointer[seenResource]
}

func newSanitizer(rules *sanitize.Rules) *sanitizer { return &sanitizer{rules: rules} }

// seenResource remembers the last resource: all of a provider's spans share one.
type seenResource struct{ seen, clean *resource.Resource }

func (z *sanitizer) cleanResource(r *resource.Resource) *resource.Resource {
	if known := z.resource.Load(); known != nil && known.seen == r {
		return known.clean
	}
	known := &seenResource{seen: r, clean: r}
	if attrs, changed := sanitize.Each(r.Attributes(), z.rules.Attribute); changed {
		known.clean = resource.NewWithAttributes(r.SchemaURL(), attrs...)
	}
	z.resource.Store(known)
	return known.clean
}

func (z *sanitizer) cleanScope(s instrumentation.Scope) (instrumentation.Scope, bool) {
	attrs, changed := z.cleanSet(s.Attributes)
	if changed {
		s.Attributes = attrs
	}
	return s, changed
}

// cleanSet is for the attributes by which metrics and scopes are told apart.
func (z *sanitizer) cleanSet(set attribute.Set) (attribute.Set, bool) {
	for it := set.Iter(); it.Next(); {
		if _, changed := z.rules.Label(it.Attribute()); changed {
			attrs, _ := sanitize.Each(set.ToSlice(), z.rules.Label)
			return attribute.NewSet(attrs...), true
		}
	}
	return set, false
}

// span returns s without secrets and with long values cut, s itself when
// nothing changes.
func (z *sanitizer) span(s sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan {
	attrs, attrsChanged := changed(s.Attributes(), z.rules.Attributes)
	events, eventsChanged := sanitize.Each(s.Events(), func(e sdktrace.Event) (sdktrace.Event, bool) {
		return cleanEvent(e, z.rules.Text, z.rules.Attributes)
	})
	links, linksChanged := sanitize.Each(s.Links(), func(l sdktrace.Link) (sdktrace.Link, bool) {
		return cleanLink(l, z.rules.Attributes)
	})
	name, description := z.rules.Text(s.Name()), z.rules.Text(s.Status().Description)
	scope, scopeChanged := z.cleanScope(s.InstrumentationScope())
	res := z.cleanResource(s.Resource())
	if !attrsChanged && !eventsChanged && !linksChanged && !scopeChanged &&
		name == s.Name() && description == s.Status().Description && res == s.Resource() {
		return s
	}
	stub := tracetest.SpanStubFromReadOnlySpan(s)
	stub.Name, stub.Attributes, stub.Events, stub.Links, stub.Resource = name, attrs, events, links, res
	stub.Status.Description = description
	stub.InstrumentationScope = scope
	stub.InstrumentationLibrary = scope //nolint:staticcheck // the deprecated method of spans reads it
	return stub.Snapshot()
}

// trimSpan cuts long values only, so that a queue does not keep them alive. It
// returns s itself when there are none.
func (z *sanitizer) trimSpan(s sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan {
	attrs, attrsChanged := changed(s.Attributes(), z.rules.Trim)
	events, eventsChanged := sanitize.Each(s.Events(), func(e sdktrace.Event) (sdktrace.Event, bool) {
		return cleanEvent(e, z.rules.TrimText, z.rules.Trim)
	})
	links, linksChanged := sanitize.Each(s.Links(), func(l sdktrace.Link) (sdktrace.Link, bool) {
		return cleanLink(l, z.rules.Trim)
	})
	name, description := z.rules.TrimText(s.Name()), z.rules.TrimText(s.Status().Description)
	if !attrsChanged && !eventsChanged && !linksChanged && name == s.Name() && description == s.Status().Description {
		return s
	}
	stub := tracetest.SpanStubFromReadOnlySpan(s)
	stub.Name, stub.Attributes, stub.Events, stub.Links = name, attrs, events, links
	stub.Status.Description = description
	return stub.Snapshot()
}

func cleanEvent(e sdktrace.Event, text func(string) string, attributes func([]attribute.KeyValue) []attribute.KeyValue) (sdktrace.Event, bool) {
	attrs, attrsChanged := changed(e.Attributes, attributes)
	name := text(e.Name)
	if !attrsChanged && name == e.Name {
		return e, false
	}
	e.Name, e.Attributes = name, attrs
	return e, true
}

func cleanLink(l sdktrace.Link, attributes func([]attribute.KeyValue) []attribute.KeyValue) (sdktrace.Link, bool) {
	attrs, attrsChanged := changed(l.Attributes, attributes)
	l.Attributes = attrs
	return l, attrsChanged
}

// changed tells by its memory whether a slice was replaced.
func changed(attrs []attribute.KeyValue, do func([]attribute.KeyValue) []attribute.KeyValue) ([]attribute.KeyValue, bool) {
	done := do(attrs)
	return done, unsafe.SliceData(done) != unsafe.SliceData(attrs)
}

// sizeOfSpan is about how many bytes a span keeps alive, beside what all spans
// share.
func sizeOfSpan(s sdktrace.ReadOnlySpan) int {
	const fixed = 512 // the SDK's snapshot
	n := fixed + len(s.Name()) + len(s.Status().Description) + sanitize.Size(s.Attributes())
	for _, e := range s.Events() {
		n += int(unsafe.Sizeof(e)) + len(e.Name) + sanitize.Size(e.Attributes)
	}
	for _, l := range s.Links() {
		n += int(unsafe.Sizeof(l)) + sanitize.Size(l.Attributes)
	}
	return n
}
