package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
)

const (
	queueRounds = 60
	queueItems  = 1000 // a round: less than a request, so that nothing is encoded meanwhile
	queueRoom   = 8 * queueItems
)

// side is one of two that do the same, n times, into a queue that flush empties.
type side struct {
	do    func(n int)
	flush func(context.Context) error
	close func(context.Context) error
}

// queues measures what a span or a log record costs the goroutine that makes it.
func queues(ctx context.Context, t *table, dir string) error {
	span := 0.0
	for _, p := range []struct {
		what        string
		ours, other func() (side, error)
		most        float64
	}{
		{"span, memory (BatchSpanProcessor)", spansInto(exporters.Options{}), batchedSpans, 1.05},
		{"span, directory (BatchSpanProcessor)", spansInto(exporters.Options{Dir: filepath.Join(dir, "spans")}), batchedSpans, 1.05},
		{"span, EachSpan (WithSyncer, which keeps nothing)", spansInto(exporters.Options{Dir: filepath.Join(dir, "each"), EachSpan: true}), syncedSpans, 0},
		{"log record, memory (BatchProcessor)", recordsInto(exporters.Options{}), batchedRecords, 1.05},
		{"log record, directory (BatchProcessor)", recordsInto(exporters.Options{Dir: filepath.Join(dir, "records")}), batchedRecords, 1.05},
	} {
		ours, err1 := p.ours()
		other, err2 := p.other()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		best, err := compare(ctx, t, p.what, ours, other, p.most)
		if err != nil {
			return err
		}
		if span == 0 {
			span = best
		}
	}
	add := counting()
	t.add(figure{
		what: "the ledger's addition (of a whole span)", ours: nanos(add), other: nanos(span),
		ratio: add / span, most: 0.01,
	})
	return nil
}

// compare lets both sides have their rounds in turn, and more while the bound
// seems missed.
func compare(ctx context.Context, t *table, what string, ours, other side, most float64) (best float64, err error) {
	var f figure
	var took, otherTook rounds
	for attempt := 0; attempt == 0 || attempt < 4 && f.most > 0 && f.missed(); attempt++ {
		for i := range queueRounds {
			sides, into := [2]side{ours, other}, [2]*rounds{&took, &otherTook}
			for k := range sides {
				k ^= i & 1 // neither always comes after the other
				start := time.Now()
				sides[k].do(queueItems)
				*into[k] = append(*into[k], float64(time.Since(start))/queueItems)
				if err := sides[k].flush(ctx); err != nil {
					return 0, err
				}
			}
		}
		f = figure{ratio: took.best() / otherTook.best(), usual: took.usual() / otherTook.usual(), most: most}
	}
	objects, bytes, err1 := allocations(ctx, ours)
	otherObjects, otherBytes, err2 := allocations(ctx, other)
	f.what = what
	f.ours = fmt.Sprintf("%s, %.0f B, %.0f allocs", nanos(took.best()), bytes, objects)
	f.other = fmt.Sprintf("%s, %.0f B, %.0f allocs", nanos(otherTook.best()), otherBytes, otherObjects)
	t.add(f)
	return took.best(), errors.Join(err1, err2, ours.close(ctx), other.close(ctx))
}

// allocations are objects and bytes an item, of the quietest round.
func allocations(ctx context.Context, s side) (objects, bytes float64, err error) {
	objects, bytes = math.Inf(1), math.Inf(1)
	for range 5 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s.do(queueItems)
		runtime.ReadMemStats(&after)
		objects = min(objects, float64(after.Mallocs-before.Mallocs)/queueItems)
		bytes = min(bytes, float64(after.TotalAlloc-before.TotalAlloc)/queueItems)
		if err := s.flush(ctx); err != nil {
			return 0, 0, err
		}
	}
	return objects, bytes, nil
}

// intoNowhere opens an outbox whose destination takes everything at once.
func intoNowhere(o exporters.Options) (*exporters.Outbox, error) {
	o.Destinations = []exporters.Destination{{}}
	o.Spans = exporters.Batching{Queue: queueRoom, Largest: queueRoom, Delay: time.Hour}
	o.Records = o.Spans
	return exporters.Open(context.Background(), o)
}

func spansInto(o exporters.Options) func() (side, error) {
	return func() (side, error) {
		box, err := intoNowhere(o)
		if err != nil {
			return side{}, err
		}
		p := newProducer(box.SpanProcessor())
		return side{p.spans, p.provider.ForceFlush, func(ctx context.Context) error {
			return errors.Join(p.provider.Shutdown(ctx), box.Close(ctx))
		}}, nil
	}
}

func batchedSpans() (side, error) {
	return processed(sdktrace.NewBatchSpanProcessor(
		noSpans{}, sdktrace.WithMaxQueueSize(queueRoom), sdktrace.WithMaxExportBatchSize(queueRoom), sdktrace.WithBatchTimeout(time.Hour),
	)), nil
}

func syncedSpans() (side, error) { return processed(sdktrace.NewSimpleSpanProcessor(noSpans{})), nil }

func processed(processor sdktrace.SpanProcessor) side {
	p := newProducer(processor)
	return side{p.spans, p.provider.ForceFlush, p.provider.Shutdown}
}

func recordsInto(o exporters.Options) func() (side, error) {
	return func() (side, error) {
		box, err := intoNowhere(o)
		if err != nil {
			return side{}, err
		}
		s := said(box.LogProcessor())
		end := s.close
		s.close = func(ctx context.Context) error { return errors.Join(end(ctx), box.Close(ctx)) }
		return s, nil
	}
}

func batchedRecords() (side, error) {
	return said(sdklog.NewBatchProcessor(
		noRecords{}, sdklog.WithMaxQueueSize(queueRoom), sdklog.WithExportMaxBatchSize(queueRoom), sdklog.WithExportInterval(time.Hour),
	)), nil
}

// said logs a line with three attributes.
func said(processor sdklog.Processor) side {
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(processor))
	logger := provider.Logger("delivery")
	return side{func(n int) {
		for i := range n {
			var r log.Record
			r.SetTimestamp(time.Now())
			r.SetSeverity(log.SeverityInfo)
			r.SetBody(attribute.StringValue("order taken"))
			r.AddAttributes(attribute.String("order", "a1b2c3"), attribute.Int("items", i), attribute.Float64("took", 0.042))
			logger.Emit(context.Background(), r)
		}
	}, provider.ForceFlush, provider.Shutdown}
}

// counting is what the ledger adds to each item on its way into the queue.
func counting() float64 {
	var n atomic.Int64
	var took rounds
	for range queueRounds {
		const additions = 100_000
		start := time.Now()
		for range additions {
			n.Add(1)
		}
		took = append(took, float64(time.Since(start))/additions)
	}
	return took.best()
}
