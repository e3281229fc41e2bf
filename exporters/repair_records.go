package exporters

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

func validRecords(batch []sdklog.Record) []sdklog.Record { return each(batch, validRecord) }

// validRecord returns a repaired copy. Where an attribute had to be repaired,
// the count of dropped ones is lost: the SDK offers no way to set it.
func validRecord(r sdklog.Record) sdklog.Record {
	repaired := r.Clone()
	res, scope := validResource(r.Resource()), validScope(r.InstrumentationScope())
	moved := res != r.Resource() || scope != r.InstrumentationScope()
	if moved {
		repaired = emptyRecord(res, scope)
		repaired.SetTimestamp(r.Timestamp())
		repaired.SetObservedTimestamp(r.ObservedTimestamp())
		repaired.SetSeverity(r.Severity())
		repaired.SetTraceID(r.TraceID())
		repaired.SetSpanID(r.SpanID())
		repaired.SetTraceFlags(r.TraceFlags())
	}
	repaired.SetEventName(valid(r.EventName()))
	repaired.SetSeverityText(valid(r.SeverityText()))
	repaired.SetBody(validValue(r.Body()))
	attrs := make([]attribute.KeyValue, 0, r.AttributesLen())
	broken := false
	r.WalkAttributes(func(a attribute.KeyValue) bool {
		attrs = append(attrs, validAttribute(a))
		broken = broken || attrs[len(attrs)-1] != a
		return true
	})
	if broken || moved {
		repaired.SetAttributes(attrs...)
	}
	return repaired
}

// emptyRecord emits a record to get at it: nothing else gives a record its
// resource and scope. It has no limits, since those were held once already.
func emptyRecord(res *resource.Resource, scope instrumentation.Scope) sdklog.Record {
	var kept keptRecord
	sdklog.NewLoggerProvider(
		sdklog.WithResource(res),
		sdklog.WithProcessor(&kept),
		sdklog.WithAllowKeyDuplication(),
		sdklog.WithAttributeCountLimit(-1),
		sdklog.WithAttributeValueLengthLimit(-1),
		sdklog.WithAttributeValueDepthLimit(-1),
	).Logger(scope.Name,
		log.WithInstrumentationVersion(scope.Version),
		log.WithSchemaURL(scope.SchemaURL),
		log.WithInstrumentationAttributeSet(scope.Attributes),
	).Emit(context.Background(), log.Record{})
	return kept.record
}

// keptRecord is a processor that keeps the last record.
type keptRecord struct{ record sdklog.Record }

// OnEmit implements [sdklog.Processor], as the other methods do.
func (k *keptRecord) OnEmit(_ context.Context, r *sdklog.Record) error {
	k.record = r.Clone()
	return nil
}

func (*keptRecord) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (*keptRecord) ForceFlush(context.Context) error                       { return nil }
func (*keptRecord) Shutdown(context.Context) error                         { return nil }
