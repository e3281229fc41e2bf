package exporters

import (
	"unsafe"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otelmon/otelmon-go/internal/sanitize"
)

// record takes secrets out of a record and cuts long values. What the record
// shares with its clones stays as it is. Where an attribute changes, the count
// of dropped ones is lost, as in [validRecord].
func (z *sanitizer) record(r *sdklog.Record) {
	res := r.Resource()
	if res != nil {
		res = z.cleanResource(res)
	}
	scope, scopeChanged := z.cleanScope(r.InstrumentationScope())
	if scopeChanged || res != r.Resource() {
		*r = rehomed(r, res, scope)
	}
	if name := z.rules.Text(r.EventName()); name != r.EventName() {
		r.SetEventName(name)
	}
	if body, changed := z.rules.Value(r.Body()); changed {
		r.SetBody(body)
	}
	clean := true
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		clean = z.rules.Clean(&a)
		return clean
	})
	if !clean {
		rewrite(r, z.rules.Attribute)
	}
}

// trimRecord cuts long values only, as trimSpan.
func (z *sanitizer) trimRecord(r *sdklog.Record) {
	if name := z.rules.TrimText(r.EventName()); len(name) != len(r.EventName()) {
		r.SetEventName(name)
	}
	if body, changed := z.rules.TrimValue(r.Body()); changed {
		r.SetBody(body)
	}
	short := true
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		short = z.rules.Short(&a)
		return short
	})
	if !short {
		rewrite(r, z.rules.TrimAttribute)
	}
}

// rewrite sets the attributes of a record if one of them changes.
func rewrite(r *sdklog.Record, do func(attribute.KeyValue) (attribute.KeyValue, bool)) {
	if attrs, changed := sanitize.Each(attributesOf(r), do); changed {
		r.SetAttributes(attrs...)
	}
}

func attributesOf(r *sdklog.Record) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, r.AttributesLen())
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		attrs = append(attrs, a)
		return true
	})
	return attrs
}

// rehomed is a copy of r with another resource and scope, which have no setters.
func rehomed(r *sdklog.Record, res *resource.Resource, scope instrumentation.Scope) sdklog.Record {
	moved := emptyRecord(res, scope)
	moved.SetEventName(r.EventName())
	moved.SetTimestamp(r.Timestamp())
	moved.SetObservedTimestamp(r.ObservedTimestamp())
	moved.SetSeverity(r.Severity())
	moved.SetSeverityText(r.SeverityText())
	moved.SetBody(r.Body())
	moved.SetTraceID(r.TraceID())
	moved.SetSpanID(r.SpanID())
	moved.SetTraceFlags(r.TraceFlags())
	moved.SetAttributes(attributesOf(r)...)
	return moved
}

// sizeOfRecord is as [sizeOfSpan].
func sizeOfRecord(r *sdklog.Record) int {
	n := int(unsafe.Sizeof(*r)) + len(r.EventName()) + len(r.SeverityText()) + sanitize.SizeOf(r.Body())
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		n += int(unsafe.Sizeof(a)) + sanitize.SizeOf(a.Value)
		return true
	})
	return n
}
