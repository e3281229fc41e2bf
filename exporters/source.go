package exporters

import (
	"context"
	"fmt"

	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// SpanProcessor returns what a tracer provider hands its ended spans to. Its
// ForceFlush is [Outbox.Flush] of the spans; its Shutdown waits until they are
// delivered or its context is done. It takes the place of a batch processor.
func (b *Outbox) SpanProcessor() sdktrace.SpanProcessor { return spanSource{b} }

// LogProcessor returns the same for log records.
func (b *Outbox) LogProcessor() sdklog.Processor { return recordSource{b} }

// MetricExporter returns what a periodic reader hands its collections to.
func (b *Outbox) MetricExporter() sdkmetric.Exporter { return metricSource{b} }

type (
	spanSource   struct{ box *Outbox }
	recordSource struct{ box *Outbox }
	metricSource struct{ box *Outbox }
)

// OnStart implements [sdktrace.SpanProcessor].
func (s spanSource) OnStart(_ context.Context, span sdktrace.ReadWriteSpan) {
	if u := s.box.unfinished.Load(); u != nil && isOperation(span.Name()) && span.SpanContext().IsSampled() && s.box.gate.enter() {
		defer s.box.gate.leave()
		u.started(span)
	}
}

// OnEnd implements [sdktrace.SpanProcessor].
func (s spanSource) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() || !s.box.enter(Traces, 1) {
		return
	}
	defer s.box.gate.leave()
	span = s.box.clean[Traces].trimSpan(span)
	u := s.box.unfinished.Load()
	operation := u != nil && isOperation(span.Name())
	if !operation && !s.box.options.EachSpan {
		s.box.spans.add(span, sizeOfSpan(span))
		return
	}
	s.box.ledger.created(Traces).Add(1)
	s.box.encodeSpans([]sdktrace.ReadOnlySpan{span})
	if operation {
		u.ended(span.SpanContext().SpanID())
	}
}

// ForceFlush implements [sdktrace.SpanProcessor].
func (s spanSource) ForceFlush(ctx context.Context) error { return s.box.flush(ctx, Traces) }

// Shutdown implements [sdktrace.SpanProcessor].
func (s spanSource) Shutdown(ctx context.Context) error {
	if err := s.box.spans.end(ctx); err != nil {
		return err
	}
	_ = s.box.drained(ctx, Traces, true) // Close tells what is lost
	return nil
}

// Enabled implements [sdklog.Processor].
func (recordSource) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }

// OnEmit implements [sdklog.Processor].
func (r recordSource) OnEmit(_ context.Context, record *sdklog.Record) error {
	if !r.box.enter(Logs, 1) {
		return nil
	}
	defer r.box.gate.leave()
	if u := r.box.unfinished.Load(); u != nil && record.EventName() == keys.EventBulkProgress {
		u.progressed(record)
	}
	own := record.Clone()
	r.box.clean[Logs].trimRecord(&own)
	r.box.records.add(own, sizeOfRecord(&own))
	return nil
}

// ForceFlush implements [sdklog.Processor].
func (r recordSource) ForceFlush(ctx context.Context) error { return r.box.flush(ctx, Logs) }

// Shutdown implements [sdklog.Processor].
func (r recordSource) Shutdown(ctx context.Context) error {
	if err := r.box.records.end(ctx); err != nil {
		return err
	}
	_ = r.box.drained(ctx, Logs, true) // Close tells what is lost
	return nil
}

// Temporality implements [sdkmetric.Exporter].
func (m metricSource) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return m.box.options.Temporality(k)
}

// Aggregation implements [sdkmetric.Exporter].
func (m metricSource) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return m.box.options.Aggregation(k)
}

// Export implements [sdkmetric.Exporter]. It returns when the collection is kept,
// and its error says why it could not be. If the disk of the directory hangs it
// returns a second after the end of ctx: the first collection is kept when the disk
// answers and is pending until then, those after it are lost.
func (m metricSource) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	n := points(rm)
	if n == 0 || !m.box.enter(Metrics, n) {
		return nil
	}
	m.box.ledger.created(Metrics).Add(int64(n))
	body, err := m.box.encoder.encodeMetrics(context.WithoutCancel(ctx), m.box.clean[Metrics].metrics(rm))
	if err != nil {
		m.box.loseAll(Metrics, Unencodable, int64(n))
		m.box.gate.leave()
		return fmt.Errorf("encode %d %s: %w", n, Metrics.items(), clean(err))
	}
	if !m.box.turn(ctx) {
		m.box.loseAll(Metrics, QueueFull, int64(n))
		m.box.gate.leave()
		return fmt.Errorf("%d %s are lost: %w: %w", n, Metrics.items(), errHangs, ctx.Err())
	}
	err = unlessStuck(ctx, wrapUp, func() error {
		defer m.box.gate.leave()
		m.box.keep(Metrics, n, body)
		<-m.box.keeping
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%d %s are not kept yet: %w: %w", n, Metrics.items(), err, ctx.Err())
	}
	return err
}

// turn waits until no other collection is being kept, so that a disk that hangs
// holds one, and reports false after ctx and a moment.
func (b *Outbox) turn(ctx context.Context) bool {
	late, stop := overdue(ctx, wrapUp)
	defer stop()
	select {
	case b.keeping <- struct{}{}:
		return true
	case <-late:
		return false
	}
}

// ForceFlush implements [sdkmetric.Exporter].
func (m metricSource) ForceFlush(ctx context.Context) error { return m.box.flush(ctx, Metrics) }

// Shutdown implements [sdkmetric.Exporter].
func (m metricSource) Shutdown(ctx context.Context) error {
	_ = m.box.drained(ctx, Metrics, true) // Close tells what is lost
	return nil
}

func (b *Outbox) encodeSpans(items []sdktrace.ReadOnlySpan) {
	for i := range items {
		items[i] = b.clean[Traces].span(items[i])
	}
	encodeKeep(b, Traces, items, b.encoder.encodeSpans)
}

func (b *Outbox) encodeRecords(items []sdklog.Record) {
	for i := range items {
		b.clean[Logs].record(&items[i])
	}
	encodeKeep(b, Logs, items, b.encoder.encodeRecords)
}

// encodeKeep encodes a batch, in halves if it is too large. If one of its items
// can't be, only that one is lost.
func encodeKeep[T any](b *Outbox, s Signal, items []T, encode func(context.Context, []byte, []T) ([]byte, error)) {
	buf := b.buffer()
	body, err := encode(context.Background(), (*buf)[:0], items)
	if err == nil {
		b.keep(s, len(items), body)
	}
	if cap(body) > 0 {
		*buf = body
	}
	b.reuse(buf)
	switch half := len(items) / 2; {
	case err == nil:
	case half > 0:
		encodeKeep(b, s, items[:half], encode)
		encodeKeep(b, s, items[half:], encode)
	default:
		b.loseAll(s, Unencodable, 1)
		b.options.Report(fmt.Errorf("one of the %s can't be written as OTLP: %w", s.items(), clean(err)))
	}
}
