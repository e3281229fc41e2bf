package otelmon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// Monitor is running telemetry. Its methods are safe for concurrent use.
type Monitor struct {
	logger   *slog.Logger
	console  slog.Handler
	level    *slog.LevelVar
	settings []Setting

	outbox    *exporters.Outbox // nil if nothing is sent by OTLP
	pipelines []pipeline        // metrics last, so that they count what happened to the rest
	meters    *meterProvider    // nil until Start has made it

	stopping atomic.Bool
	stopped  chan struct{} // closed when err is set
	err      error
}

// Start configures OpenTelemetry for the whole process: resource, propagators,
// tracer, meter and logger provider, runtime and process metrics, exporters
// and taps. It sets the OpenTelemetry globals, so instruments, tracers and
// handlers made before it work from then on. It opens no connection and so
// does not wait for a backend; ctx is for detecting the resource.
//
// The error joins every fault of the configuration, each with what to change;
// under OTEL_SDK_DISABLED faults are told on the console only.
// The monitor is never nil: after an error it logs to the console, records
// nothing, and may be shut down.
//
// Call [Monitor.Shutdown] before the program ends, or the newest telemetry is
// lost. Call Start once in a process.
func Start(ctx context.Context, cfg Config) (*Monitor, error) {
	output := cfg.LogOutput
	if output == nil {
		output = os.Stderr
	}
	m := &Monitor{level: new(slog.LevelVar), stopped: make(chan struct{})}
	m.console = consoleHandler(output, m.level)
	m.logger = newLogger(output, m.level, nil)

	set, faults := settings.Resolve(os.Environ(), cfg.code())
	faults = errors.Join(faults, cfg.validate(set), validateEndpoints(set))
	disabled := set.Bool("OTEL_SDK_DISABLED")
	if faults != nil && !disabled {
		return m, fmt.Errorf("otelmon: %w", faults)
	}
	res, err := newResource(ctx, os.Getenv, cfg.attributes())
	m.settings = effective(set, res, cfg)
	setErrorHandler(output, set)
	for _, warning := range append(set.Warnings(), faults, err) {
		report(warning)
	}
	otel.SetTextMapPropagator(propagators(set.List("OTEL_PROPAGATORS")))
	if disabled {
		return m, nil
	}
	if err := m.provide(ctx, set, res, cfg, output); err != nil {
		return m, errors.Join(fmt.Errorf("otelmon: %w", err), m.Shutdown(ctx))
	}
	return m, nil
}

// provide starts the three pipelines and makes them the global ones.
func (m *Monitor) provide(ctx context.Context, set *settings.Set, res *resource.Resource, cfg Config, output io.Writer) error {
	started := time.Now()
	console := exporters.NewConsole(nil)
	var err error
	if m.outbox, err = openOutbox(ctx, set, cfg.Mirrors); err != nil {
		return err
	}
	tracers, err := m.traces(ctx, set, res, cfg.Taps, console)
	if err != nil {
		return err
	}
	loggers, err := m.logs(ctx, set, res, cfg.Taps, console)
	if err != nil {
		return err
	}
	meters, err := m.metrics(ctx, set, res, cfg.Taps, console, started)
	if err != nil {
		return err
	}
	otel.SetTracerProvider(tracers)
	otel.SetLoggerProvider(loggers)
	otel.SetMeterProvider(meters)
	m.logger = newLogger(output, m.level, loggers)
	for _, tap := range cfg.Taps {
		if t, ok := tap.(interface{ AdoptLogLevel(*slog.LevelVar) }); ok {
			t.AdoptLogLevel(m.level)
		}
	}
	if m.outbox != nil {
		err = m.outbox.Observe(meters)
	}
	return errors.Join(err, observe(meters, started))
}

// setErrorHandler also takes the SDK's own log, warnings and worse unless
// OTEL_LOG_LEVEL says otherwise.
func setErrorHandler(output io.Writer, set *settings.Set) {
	otel.SetErrorHandler(newErrorHandler(consoleHandler(output, slog.LevelWarn)))
	least := sdkLevel("warn")
	if set.Source("OTEL_LOG_LEVEL") != "default" {
		least = sdkLevel(set.String("OTEL_LOG_LEVEL"))
	}
	otel.SetLogger(logr.FromSlogHandler(sdkLog{consoleHandler(output, slog.LevelDebug), least}))
}

// Logger returns a logger that writes to the console, readable on a terminal
// and JSON elsewhere, and to OTLP. Records made with a span's context
// (InfoContext and so on) carry its trace and span id. Pass it to
// [slog.SetDefault] to have it everywhere.
func (m *Monitor) Logger() *slog.Logger { return m.logger }

// LogLevel is the level of [Monitor.Logger]; set it at any time. It starts at
// info.
func (m *Monitor) LogLevel() *slog.LevelVar { return m.level }

// Settings tells every effective value, defaults included, and where it came
// from, sorted by name and with secrets redacted.
func (m *Monitor) Settings() []Setting { return slices.Clone(m.settings) }

// effective joins the variables and the resource.
func effective(set *settings.Set, res *resource.Resource, cfg Config) []Setting {
	var all []Setting
	for _, s := range set.All() {
		all = append(all, Setting(s))
	}
	environment := set.Map("OTEL_RESOURCE_ATTRIBUTES")
	for _, a := range res.Attributes() {
		s := Setting{
			Name:   "resource " + string(a.Key),
			Value:  settings.ShowAttribute(string(a.Key), a.Value.String()),
			Source: "detected",
		}
		_, fromEnv := environment[string(a.Key)]
		switch {
		case a.Key == semconv.ServiceNameKey && set.String("OTEL_SERVICE_NAME") != "":
			s.Source = set.Source("OTEL_SERVICE_NAME")
		case slices.ContainsFunc(cfg.attributes(), func(kv attribute.KeyValue) bool { return kv.Key == a.Key }):
			s.Source = "code Config"
		case fromEnv:
			s.Source = "environment OTEL_RESOURCE_ATTRIBUTES"
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
