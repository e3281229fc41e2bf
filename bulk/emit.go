package bulk

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// begin starts the operation's span and takes its context.
func (o *Operation) begin(ctx context.Context) {
	ctx, o.span = o.tracer.Start(ctx, keys.SpanBulk+" "+o.name, //nolint:spancheck // finishSpan ends it
		trace.WithTimestamp(o.started), trace.WithLinks(o.joined.link...), trace.WithAttributes(o.identity()...))
	o.ctx = context.WithValue(ctx, contextKey{}, o)
}

// announce makes the operation visible before its span is exported, which
// happens only when it ends.
func (o *Operation) announce() {
	o.child(keys.SpanBulkStarted, o.started, o.started)
	s := o.look(o.started)
	o.event(keys.EventBulkStarted, o.started, log.SeverityInfo, s.opening(), o.identity()...)
}

// conclude reports the end: what was still held back, and then the whole.
func (o *Operation) conclude(s Snapshot, cause error) {
	end := s.Started.Add(s.Elapsed)
	o.report.lastSegment(o, end, s.counts())
	o.tellSlow(maxItemSpans)
	o.mu.Lock()
	stages := o.stages
	o.mu.Unlock()
	for _, st := range stages {
		st.close(end)
	}
	severity := log.SeverityInfo
	switch {
	case s.Result == Failed:
		severity = log.SeverityError
	case s.Result == Canceled, s.uncounted() > 0:
		severity = log.SeverityWarn
	}
	attrs := append(o.identity(), s.attributes()...)
	body := s.closing()
	if cause != nil {
		f := describe(cause)
		body += ": " + f.message
		attrs = append(attrs, attribute.String(keys.ErrorType, f.typ))
		o.span.SetAttributes(attribute.String(keys.ErrorType, f.typ))
		o.span.SetStatus(codes.Error, f.message)
	}
	o.event(keys.EventBulkFinished, end, severity, body, attrs...)
	o.endChapter(end, s.counts())
	o.finishSpan(s, end)
	o.book.record(o.detached(), s)
	if o.history != "" && s.Result == Completed {
		o.remember(s)
	}
}

func (o *Operation) finishSpan(s Snapshot, end time.Time) {
	for _, c := range o.report.changes {
		o.span.AddEvent(c.name, trace.WithTimestamp(c.at))
	}
	for _, p := range o.report.samples.kept {
		o.span.AddEvent(keys.EventBulkProgress, trace.WithTimestamp(p.at),
			trace.WithAttributes(p.done.attributes()...))
	}
	o.span.SetAttributes(s.counts().attributes()...)
	o.span.SetAttributes(attribute.String(keys.BulkOperationResult, string(s.Result)))
	o.span.SetAttributes(s.Verdict.attributes()...)
	if s.Total >= 0 {
		o.span.SetAttributes(attribute.Int64(keys.BulkItemsTotal, s.Total))
	}
	o.span.End(trace.WithTimestamp(end))
}

// sample reports one failed item, unless enough of its kind were.
func (o *Operation) sample(err error, attrs []attribute.KeyValue) {
	f, now := describe(err), time.Now()
	if !o.failures.take(f, FailedItem{now, truncate(f.message, maxMessage), subject(attrs)}) {
		return
	}
	all := append([]attribute.KeyValue{
		attribute.String(keys.BulkOperationName, o.name),
		attribute.String(keys.BulkOperationID, o.id),
		attribute.String(keys.ErrorType, f.typ),
	}, attrs...)
	o.event(keys.EventBulkItemFailed, now, log.SeverityWarn, o.name+": item failed: "+f.message, all...)
}

// child emits a span below the operation's, or below that of its chapter, that
// has already ended.
func (o *Operation) child(name string, start, end time.Time, attrs ...attribute.KeyValue) trace.SpanContext {
	_, span := o.tracer.Start(o.page(), name, trace.WithTimestamp(start),
		trace.WithAttributes(o.identity()...), trace.WithAttributes(attrs...))
	span.End(trace.WithTimestamp(end))
	return span.SpanContext()
}

func (o *Operation) event(name string, at time.Time, severity log.Severity, body string, attrs ...attribute.KeyValue) {
	var r log.Record
	r.SetEventName(name)
	r.SetTimestamp(at)
	r.SetSeverity(severity)
	r.SetSeverityText(severity.String())
	r.SetBody(attribute.StringValue(body))
	r.AddAttributes(attrs...)
	o.logger.Emit(o.detached(), r)
}

// detached is the operation's context without its end: telemetry is emitted
// after a cancel as before.
func (o *Operation) detached() context.Context { return context.WithoutCancel(o.ctx) }

// identity are the attributes that every span and event of an operation has.
func (o *Operation) identity() []attribute.KeyValue {
	attrs := []attribute.KeyValue{
		attribute.String(keys.BulkOperationName, o.name),
		attribute.String(keys.BulkOperationID, o.id),
	}
	if t := o.total.Load(); t >= 0 {
		attrs = append(attrs, attribute.Int64(keys.BulkItemsTotal, t))
	}
	return attrs
}

func (c counts) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.Int64(keys.BulkItemsOK, c.ok),
		attribute.Int64(keys.BulkItemsFailed, c.failed),
		attribute.Int64(keys.BulkItemsSkipped, c.skipped),
		attribute.Int64(keys.BulkItemsRetried, c.retried),
		attribute.Int64(keys.BulkBytes, c.bytes),
	}
}

// attributes are those of a log event, beside the identity.
func (s Snapshot) attributes() []attribute.KeyValue {
	attrs := append(s.counts().attributes(), attribute.Float64(keys.BulkRate, s.Rate))
	if s.ETA >= 0 {
		attrs = append(attrs, attribute.Float64(keys.BulkETASeconds, s.ETA.Seconds()),
			attribute.Float64(keys.BulkETALowSeconds, s.ETALow.Seconds()),
			attribute.Float64(keys.BulkETAHighSeconds, s.ETAHigh.Seconds()))
	}
	if s.Idle >= minStall {
		attrs = append(attrs, attribute.Float64(keys.BulkIdleSeconds, s.Idle.Seconds()))
	}
	attrs = append(attrs, s.Verdict.attributes()...)
	if s.Result != "" {
		attrs = append(attrs, attribute.String(keys.BulkOperationResult, string(s.Result)))
	}
	return attrs
}

func (v Verdict) attributes() []attribute.KeyValue {
	if v.Limit == "" {
		return nil
	}
	attrs := []attribute.KeyValue{
		attribute.String(keys.BulkVerdictLimit, string(v.Limit)),
		attribute.String(keys.BulkVerdict, v.Sentence),
	}
	if v.Stage != "" {
		attrs = append(attrs, attribute.String(keys.BulkStageName, v.Stage))
	}
	return attrs
}
