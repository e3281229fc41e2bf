package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"time"

	rival "github.com/alexliesenfeld/health"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/health"
)

const checkCount = 100

// healthChecks measures a service with 100 healthy checks. Nothing runs a
// check in the meantime: either side answers from results it has.
func healthChecks() []pair {
	ctx := context.Background()
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	checks := healthyRegistry(ctx, meters)
	report := checks.Report()
	handler := checks.Handler(health.ShowDetails(func(*http.Request) bool { return true }))
	short, long := rivalHandlers()

	probe := must(http.NewRequest(http.MethodGet, "http://shop.example/readyz", http.NoBody))
	verbose := must(http.NewRequest(http.MethodGet, "http://shop.example/readyz?verbose", http.NoBody))
	verbose.Header.Set("Accept", "application/json")
	return []pair{
		{
			name: "health gauges collected (callback by hand)", bound: thin(),
			ours: collect(reader), other: collect(gaugesByHand(report)),
		},
		{
			name: "health.Report (a copy of the results)",
			ours: func(n int) {
				for range n {
					runtime.KeepAlive(checks.Report())
				}
			},
			other: func(n int) {
				for range n {
					runtime.KeepAlive(slices.Clone(report.Results))
				}
			},
		},
		{
			name: "health probe (alexliesenfeld/health)", bound: notSlower(),
			ours: serve(handler, probe), other: serve(short, probe),
		},
		{
			name: "health probe, all as JSON (alexliesenfeld)",
			ours: serve(handler, verbose), other: serve(long, verbose),
			close: func() { must(0, checks.Shutdown(ctx)); must(0, meters.Shutdown(ctx)) },
		},
	}
}

func checkName(i int) string { return fmt.Sprintf("check-%02d", i) }

func healthyRegistry(ctx context.Context, meters metric.MeterProvider) *health.Registry {
	checks := health.New(health.Options{MeterProvider: meters})
	for i := range checkCount {
		must(0, checks.Register(health.Check{
			Name: checkName(i), Critical: true, Interval: time.Hour,
			Func: func(context.Context) error { return nil },
		}))
	}
	must(0, checks.Start(ctx))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for checks.Report().State != health.StateHealthy {
		<-tick.C
	}
	return checks
}

// rivalHandlers answer shortly and with every check, from a cache.
func rivalHandlers() (short, long http.Handler) {
	options := []rival.CheckerOption{rival.WithCacheDuration(time.Hour)}
	for i := range checkCount {
		options = append(options, rival.WithCheck(rival.Check{
			Name: checkName(i), Check: func(context.Context) error { return nil },
		}))
	}
	long = rival.NewHandler(rival.NewChecker(options...))
	short = rival.NewHandler(rival.NewChecker(append(options, rival.WithDisabledDetails())...))
	return short, long
}

func collect(reader *sdkmetric.ManualReader) work {
	return func(n int) {
		var all metricdata.ResourceMetrics
		for range n {
			must(0, reader.Collect(context.Background(), &all))
		}
	}
}

// gaugesByHand has the series of health, with every attribute set prebuilt.
func gaugesByHand(report health.Report) *sdkmetric.ManualReader {
	reader := sdkmetric.NewManualReader()
	m := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("raw")
	var (
		service     = must(m.Int64ObservableUpDownCounter("health.status"))
		status      = must(m.Int64ObservableUpDownCounter("health.check.status"))
		severity    = must(m.Int64ObservableGauge("health.check.severity"))
		completion  = must(m.Float64ObservableGauge("health.check.last_completion.timestamp"))
		success     = must(m.Float64ObservableGauge("health.check.last_success.timestamp"))
		flapping    = must(m.Int64ObservableUpDownCounter("health.check.flapping"))
		muted       = must(m.Int64ObservableUpDownCounter("health.check.muted"))
		lag         = must(m.Float64ObservableGauge("health.scheduler.lag"))
		states      = []string{"healthy", "degraded", "unhealthy", "unknown"}
		serviceSets [4][]metric.ObserveOption
		stateSets   [checkCount][4][]metric.ObserveOption
		checkSets   [checkCount][]metric.ObserveOption
		nameSets    [checkCount][]metric.ObserveOption
	)
	for s, state := range states {
		serviceSets[s] = observed(attribute.String("health.state", state))
	}
	for i := range checkCount {
		name, critical := attribute.String("health.check.name", checkName(i)), attribute.Bool("health.check.critical", true)
		nameSets[i], checkSets[i] = observed(name), observed(name, critical)
		for s, state := range states {
			stateSets[i][s] = observed(name, critical, attribute.String("health.check.state", state))
		}
	}
	one := func(s, i int) int64 {
		if report.Results[i].State.String() == states[s] {
			return 1
		}
		return 0
	}
	_ = must(m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveFloat64(lag, report.Lag.Seconds())
		for s := range states {
			o.ObserveInt64(service, one(s, 0), serviceSets[s]...)
		}
		for i := range report.Results {
			for s := range states {
				o.ObserveInt64(status, one(s, i), stateSets[i][s]...)
			}
			o.ObserveInt64(severity, 0, checkSets[i]...)
			o.ObserveInt64(flapping, 0, nameSets[i]...)
			o.ObserveInt64(muted, 0, nameSets[i]...)
			o.ObserveFloat64(completion, float64(report.Results[i].LastCompletion.UnixNano())/1e9, nameSets[i]...)
			o.ObserveFloat64(success, float64(report.Results[i].LastSuccess.UnixNano())/1e9, nameSets[i]...)
		}
		return nil
	}, service, status, severity, completion, success, flapping, muted, lag))
	recordOnce(m)
	return reader
}

// recordOnce has the series that one execution of each check leaves behind.
func recordOnce(m metric.Meter) {
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled,
	})) // health's points have exemplars too
	duration := must(m.Float64Histogram("health.check.duration", buckets()))
	transitions := must(m.Int64Counter("health.check.transitions"))
	for i := range checkCount {
		name, state := attribute.String("health.check.name", checkName(i)), attribute.String("health.check.state", "healthy")
		duration.Record(ctx, 0.001, metric.WithAttributes(name, state))
		transitions.Add(ctx, 1, metric.WithAttributes(
			name, state, attribute.String("health.check.previous_state", "unknown"),
		))
	}
}

func observed(attrs ...attribute.KeyValue) []metric.ObserveOption {
	return []metric.ObserveOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
}
