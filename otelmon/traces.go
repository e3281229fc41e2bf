package otelmon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/endpoint"
	"github.com/otelmon/otelmon-go/internal/settings"
)

func (m *Monitor) traces(ctx context.Context, set *settings.Set, res *resource.Resource, taps []Tap, console *exporters.Console) (*sdktrace.TracerProvider, error) {
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(res),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{
			AttributeValueLengthLimit:   set.Int("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
			AttributeValueDepthLimit:    set.Int("OTEL_SPAN_ATTRIBUTE_VALUE_DEPTH_LIMIT"),
			AttributeCountLimit:         set.Int("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"),
			EventCountLimit:             set.Int("OTEL_SPAN_EVENT_COUNT_LIMIT"),
			LinkCountLimit:              set.Int("OTEL_SPAN_LINK_COUNT_LIMIT"),
			AttributePerEventCountLimit: set.Int("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
			AttributePerLinkCountLimit:  set.Int("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
		}),
	}
	isTapped := false
	for _, tap := range taps {
		if p := tap.SpanProcessor(); p != nil {
			options = append(options, sdktrace.WithSpanProcessor(p))
			isTapped = true
		}
	}
	s := sampler(set.String("OTEL_TRACES_SAMPLER"), set.Float("OTEL_TRACES_SAMPLER_ARG"))
	if isTapped && set.Bool("OTELMON_RECORD_ALL") {
		s = sdktrace.AlwaysRecord(s) // what exports passes over spans that are not sampled
	}
	options = append(options, sdktrace.WithSampler(keeping(set.String("OTEL_TRACES_SAMPLER"), s)))
	if sendsOTLP(set, settings.Traces) {
		options = append(options, sdktrace.WithSpanProcessor(m.outbox.SpanProcessor()))
	}
	if writesToConsole(set, settings.Traces) {
		e, err := console.Traces(ctx)
		if err != nil {
			return nil, fmt.Errorf("console exporter of spans: %w", err)
		}
		b := endpoint.Batching(set, "OTEL_BSP_")
		options = append(options, sdktrace.WithBatcher(e, sdktrace.WithMaxQueueSize(b.Queue), sdktrace.WithMaxExportBatchSize(b.Largest),
			sdktrace.WithBatchTimeout(b.Delay), sdktrace.WithExportTimeout(set.Duration("OTEL_BSP_EXPORT_TIMEOUT"))))
	}
	p := sdktrace.NewTracerProvider(options...)
	m.pipelines = append(m.pipelines, pipeline{p})
	return p, nil
}

// atLeast keeps a delay of zero from making the SDK's timers spin.
func atLeast(d time.Duration) time.Duration { return max(d, time.Millisecond) }

// keeping is the sampler of that name, with all operations, unless it is one that
// samples everything or nothing.
func keeping(name string, s sdktrace.Sampler) sdktrace.Sampler {
	if strings.HasSuffix(name, "always_off") || name == "always_on" {
		return s
	}
	return KeepOperations(s)
}

func sampler(name string, ratio float64) sdktrace.Sampler {
	switch name {
	case "always_on":
		return sdktrace.AlwaysSample()
	case "always_off":
		return sdktrace.NeverSample()
	case "traceidratio":
		return sdktrace.TraceIDRatioBased(ratio)
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample())
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))
	}
	return sdktrace.ParentBased(sdktrace.AlwaysSample())
}

func propagators(names []string) propagation.TextMapPropagator {
	var all []propagation.TextMapPropagator
	for _, name := range names {
		switch name {
		case "tracecontext":
			all = append(all, propagation.TraceContext{})
		case "baggage":
			all = append(all, propagation.Baggage{})
		case "b3":
			all = append(all, b3.New(b3.WithInjectEncoding(b3.B3SingleHeader)))
		case "b3multi":
			all = append(all, b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)))
		case "jaeger":
			all = append(all, jaeger.Jaeger{})
		}
	}
	return propagation.NewCompositeTextMapPropagator(all...)
}
