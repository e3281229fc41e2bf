package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
)

const (
	throughputRounds = 8
	throughputSpans  = 32 << 10 // a round
	burst            = 8 << 10  // spans that are made before the queue is emptied
	burstQueue       = 2 * burst
)

// throughput sends spans through a directory with the default interval of its
// sync, and through the official exporters, as fast as either takes them all.
func throughput(ctx context.Context, t *table, dir string) (err error) {
	b, err := startBackend(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	overHTTP, err1 := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL("http://"+b.http))
	overGRPC, err2 := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(b.grpc), otlptracegrpc.WithInsecure())
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for _, p := range []struct {
		name     string
		exporter sdktrace.SpanExporter
		endpoint exporters.Endpoint
	}{
		{"HTTP", overHTTP, exporters.Endpoint{URL: "http://" + b.http}},
		{"gRPC", overGRPC, exporters.Endpoint{URL: "http://" + b.grpc, Protocol: exporters.ProtocolGRPC}},
	} {
		box, err := exporters.Open(ctx, exporters.Options{
			Destinations: []exporters.Destination{exporters.To(p.endpoint)}, Dir: filepath.Join(dir, p.name),
			Spans: exporters.Batching{Queue: burstQueue},
		})
		if err != nil {
			return err
		}
		ours, other := newProducer(box.SpanProcessor()), newProducer(sdktrace.NewBatchSpanProcessor(p.exporter, sdktrace.WithMaxQueueSize(burstQueue)))
		if err := ship(ctx, t, p.name, ours, other); err != nil {
			return err
		}
		a := account(box)
		if err := errors.Join(ours.provider.Shutdown(ctx), box.Close(ctx), other.provider.Shutdown(ctx)); err != nil {
			return err
		}
		if a.Lost() > 0 {
			return fmt.Errorf("spans were lost: %s", a)
		}
	}
	a, err := b.arrivals(ctx)
	if want := int64(4 * (throughputRounds + 1) * throughputSpans); err == nil && a.Spans < want {
		err = fmt.Errorf("%d spans of %d arrived", a.Spans, want)
	}
	return err
}

func ship(ctx context.Context, t *table, name string, ours, other *producer) error {
	var took, cpu [2]rounds
	for i := range throughputRounds + 1 { // the first to warm up
		for k, p := range []*producer{ours, other} {
			start, before := time.Now(), processorTime()
			for range throughputSpans / burst {
				p.spans(burst)
				if err := p.provider.ForceFlush(ctx); err != nil {
					return err
				}
			}
			if i > 0 {
				took[k] = append(took[k], float64(time.Since(start))/throughputSpans)
				cpu[k] = append(cpu[k], float64(processorTime()-before)/throughputSpans)
			}
		}
	}
	t.add(figure{
		what: "spans delivered over " + name + " (official exporter)", ours: rate(took[0].best()), other: rate(took[1].best()),
		ratio: took[1].best() / took[0].best(), usual: took[1].usual() / took[0].usual(), most: 0.8, least: true,
	})
	t.add(figure{
		what: "their processor time, each", ours: nanos(cpu[0].best()), other: nanos(cpu[1].best()),
		ratio: cpu[0].best() / cpu[1].best(), usual: cpu[0].usual() / cpu[1].usual(),
	})
	return nil
}

// rate of what takes so many ns each.
func rate(ns float64) string { return fmt.Sprintf("%.0f/s", 1e9/ns) }
