//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/exporters/spool"
)

// The ways. Ours makes spans with the SDK and encodes them; exporterhelper is
// given the same spans ready-made, or stands behind the SDK's batch processor and
// has them converted by hand, as no package does it.
const (
	ours        = "otelmon"
	given       = "exporterhelper"
	behindSDK   = "exporterhelper behind the SDK"
	oursSynced  = "otelmon, SyncAlways"
	givenSynced = "exporterhelper, fsync"
)

func ways() []string { return []string{ours, given, behindSDK, oursSynced, givenSynced} }

const (
	request = 512     // spans
	burst   = 8 << 10 // spans that are made before the queue is emptied
	room    = 2 * burst
)

// way is one of the two, open.
type way struct {
	push  func(ctx context.Context, spans int) error // returns when all is stored
	told  func() int64                               // items that it says were damaged
	close func(ctx context.Context) error
}

func open(ctx context.Context, name, dir, url string) (*way, error) {
	switch name {
	case ours:
		return openOurs(ctx, dir, url, 0)
	case oursSynced:
		return openOurs(ctx, dir, url, spool.SyncAlways)
	}
	traces, closeTraces, err := openTheirs(ctx, dir, url, name == givenSynced)
	if err != nil {
		return nil, err
	}
	w := &way{told: func() int64 { return 0 }, close: closeTraces}
	if name != behindSDK {
		ready, err := readyMade(ctx)
		w.push = func(ctx context.Context, spans int) error {
			for range spans / request {
				if err := traces.ConsumeTraces(ctx, ready); err != nil {
					return err
				}
			}
			return nil
		}
		return w, err
	}
	p := newProducer(converting(traces.ConsumeTraces))
	w.push = func(ctx context.Context, spans int) error {
		p.spans(spans)
		return p.provider.ForceFlush(ctx)
	}
	w.close = func(ctx context.Context) error { return errors.Join(p.provider.Shutdown(ctx), closeTraces(ctx)) }
	return w, nil
}

func openOurs(ctx context.Context, dir, url string, sync time.Duration) (*way, error) {
	box, err := exporters.Open(ctx, exporters.Options{
		Destinations: []exporters.Destination{exporters.To(exporters.Endpoint{URL: url})}, Dir: dir,
		Spans: exporters.Batching{Queue: room}, Sync: sync,
	})
	if err != nil {
		return nil, err
	}
	p := newProducer(box.SpanProcessor())
	account := func() exporters.Account { return box.Status().Accounts[exporters.Traces] }
	return &way{
		push: func(ctx context.Context, spans int) error {
			p.spans(spans)
			_ = p.provider.ForceFlush(ctx) // while the backend is away it says so once all is stored
			if a := account(); a.Lost() > 0 {
				return fmt.Errorf("spans were lost: %s", a)
			}
			return nil
		},
		told:  func() int64 { return account().Dropped[exporters.Corrupt.String()] },
		close: func(ctx context.Context) error { return errors.Join(p.provider.Shutdown(ctx), box.Close(ctx)) },
	}, nil
}

// extensions is all that an exporter asks its host for.
type extensions map[component.ID]component.Component

func (e extensions) GetExtensions() map[component.ID]component.Component { return e }

// openTheirs has defaults but for what would lose or refuse spans here, for the
// compression, which ours does not have by default either, and for the first
// interval of retries, which would only make the wait longer.
func openTheirs(ctx context.Context, dir, url string, synced bool) (exporter.Traces, func(context.Context) error, error) {
	t := component.TelemetrySettings{
		Logger: zap.NewNop(), TracerProvider: nooptrace.NewTracerProvider(), MeterProvider: noopmetric.NewMeterProvider(), Resource: pcommon.NewResource(),
	}
	storing := filestorage.NewFactory() //nolint:forbidigo // the Collector's name for it
	stored := storing.CreateDefaultConfig().(*filestorage.Config)
	stored.Directory, stored.FSync = dir, synced
	id := component.NewID(storing.Type())
	storage, err := storing.Create(ctx, extension.Settings{ID: id, TelemetrySettings: t}, stored)
	if err != nil {
		return nil, nil, err
	}
	sending := otlphttpexporter.NewFactory() //nolint:forbidigo // the Collector's name for it
	c := sending.CreateDefaultConfig().(*otlphttpexporter.Config)
	c.ClientConfig.Endpoint, c.ClientConfig.Compression = url, configcompression.Type("none")
	c.RetryConfig.MaxElapsedTime, c.RetryConfig.InitialInterval = 0, firstRetry
	queue := c.QueueConfig.Get()
	queue.StorageID, queue.QueueSize, queue.BlockOnOverflow = &id, 1<<20, true
	traces, err := sending.CreateTraces(ctx, exporter.Settings{ID: component.NewID(sending.Type()), TelemetrySettings: t}, c)
	if err != nil {
		return nil, nil, err
	}
	host := extensions{id: storage}
	if err := errors.Join(storage.Start(ctx, host), traces.Start(ctx, host)); err != nil {
		return nil, nil, err
	}
	return traces, func(ctx context.Context) error { return errors.Join(traces.Shutdown(ctx), storage.Shutdown(ctx)) }, nil
}

// readyMade is one request of the producer's spans.
func readyMade(ctx context.Context) (ready ptrace.Traces, err error) {
	p := newProducer(converting(func(_ context.Context, t ptrace.Traces) error { ready = t; return nil }))
	p.spans(request)
	return ready, p.provider.Shutdown(ctx)
}

// converting is a batch processor in front of what takes the Collector's type.
func converting(take converter) sdktrace.SpanProcessor {
	return sdktrace.NewBatchSpanProcessor(take, sdktrace.WithMaxQueueSize(room))
}

// converter is an exporter that writes the producer's spans, and no others, in
// the Collector's type.
type converter func(context.Context, ptrace.Traces) error

func (converter) Shutdown(context.Context) error { return nil }

func (c converter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	convert(spans[0].Resource().Attributes(), resource.Resource().Attributes())
	resource.SetSchemaUrl(spans[0].Resource().SchemaURL())
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().SetName(spans[0].InstrumentationScope().Name)
	scope.Spans().EnsureCapacity(len(spans))
	for _, from := range spans {
		to := scope.Spans().AppendEmpty()
		to.SetTraceID(pcommon.TraceID(from.SpanContext().TraceID()))
		to.SetSpanID(pcommon.SpanID(from.SpanContext().SpanID()))
		to.SetFlags(uint32(from.SpanContext().TraceFlags()) | 1<<8) // the parent, of which there is none, is local
		to.SetName(from.Name())
		to.SetKind(ptrace.SpanKind(from.SpanKind())) //nolint:gosec // the same small numbers
		to.SetStartTimestamp(pcommon.NewTimestampFromTime(from.StartTime()))
		to.SetEndTimestamp(pcommon.NewTimestampFromTime(from.EndTime()))
		convert(from.Attributes(), to.Attributes())
	}
	return c(ctx, traces)
}

func convert(from []attribute.KeyValue, to pcommon.Map) {
	to.EnsureCapacity(len(from))
	for _, a := range from {
		if a.Value.Type() == attribute.INT64 {
			to.PutInt(string(a.Key), a.Value.AsInt64())
			continue
		}
		to.PutStr(string(a.Key), a.Value.AsString())
	}
}

// producer makes spans with eight attributes.
type producer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	attrs    [8]attribute.KeyValue
	made     int
}

func newProducer(p sdktrace.SpanProcessor) *producer {
	s := &producer{
		provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p)),
		attrs: [8]attribute.KeyValue{
			attribute.String("http.request.method", "GET"), attribute.String("http.route", "/orders/{id}"),
			attribute.String("url.path", "/orders/4711"), attribute.Int("http.response.status_code", 200),
			attribute.String("server.address", "shop.example"), attribute.Int("server.port", 8443),
			attribute.String("network.protocol.version", "1.1"),
			{},
		},
	}
	s.tracer = s.provider.Tracer("delivery")
	return s
}

func (s *producer) spans(n int) {
	for range n {
		s.made++
		s.attrs[7] = attribute.Int("order.id", s.made)
		_, span := s.tracer.Start(context.Background(), "GET /orders/{id}", trace.WithAttributes(s.attrs[:]...))
		span.End()
	}
}
