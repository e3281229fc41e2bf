package bulk

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

const (
	chapterTime     = time.Hour
	maxChapterLinks = 100 // from the operation's span
)

// chapter is a trace of its own for an hour of a long operation. Backends cut
// traces off after some thousand spans or some hours, and a sampler in a
// collector decides about a trace long before such an operation ends.
type chapter struct {
	ctx   context.Context //nolint:containedctx // a chapter is the span in this context
	span  trace.Span
	index int
	start time.Time
	base  counts
}

// turn ends the chapter that is due and begins the next. The first hour needs
// none: it belongs to the operation's own trace.
func (o *Operation) turn(now time.Time, c counts) {
	last := o.chapter.Load()
	begun, index := o.started, 1
	links := []trace.Link{{SpanContext: o.span.SpanContext()}}
	if last != nil {
		begun, index = last.start, last.index+1
		links = append(links, trace.Link{SpanContext: last.span.SpanContext()})
	}
	if now.Sub(begun) < chapterTime {
		return
	}
	o.report.endSegment(o, now, c)
	o.endChapter(now, c)
	attrs := append(o.identity(), attribute.Int(keys.BulkChapterIndex, index))
	ctx, span := o.tracer.Start(o.detached(), keys.SpanBulkChapter+" "+o.name, trace.WithNewRoot(),
		trace.WithTimestamp(now), trace.WithLinks(links...), trace.WithAttributes(attrs...))
	if index <= maxChapterLinks {
		o.span.AddLink(trace.Link{SpanContext: span.SpanContext()})
	}
	o.chapter.Store(&chapter{ctx, span, index, now, c})
}

func (o *Operation) endChapter(now time.Time, c counts) {
	ch := o.chapter.Load()
	if ch == nil {
		return
	}
	ch.span.SetAttributes(c.minus(ch.base).attributes()...)
	ch.span.End(trace.WithTimestamp(now))
}

// page is the context for spans below the operation: that of its chapter.
func (o *Operation) page() context.Context {
	if ch := o.chapter.Load(); ch != nil {
		return ch.ctx
	}
	return o.detached()
}
