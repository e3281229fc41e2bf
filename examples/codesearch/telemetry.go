package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/otelmon"
)

// flushTimeout bounds the last sending of telemetry.
const flushTimeout = 5 * time.Second

// startTelemetry has everything go to the console, and to where the OTEL_*
// variables say. Without any, nothing leaves the process: the default of the
// specification is a collector on this machine, and most who try this program
// have none.
func startTelemetry(ctx context.Context, con *console.Console, log io.Writer) (*otelmon.Monitor, error) {
	cfg := otelmon.Config{Service: "codesearch", Taps: []otelmon.Tap{con}, LogOutput: log}
	if !wantsExport(os.Environ()) {
		cfg.Exporters = "none"
	}
	mon, err := otelmon.Start(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, mon.Shutdown(ctx))
	}
	return mon, nil
}

// wantsExport tells whether the environment names a destination.
func wantsExport(environment []string) bool {
	return slices.ContainsFunc(environment, func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		otlp := strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_") && strings.HasSuffix(name, "_ENDPOINT") || name == "OTEL_EXPORTER_OTLP_ENDPOINT"
		exporter := strings.HasPrefix(name, "OTEL_") && strings.HasSuffix(name, "_EXPORTER")
		return value != "" && (otlp || exporter)
	})
}

// flush sends what is left. Lost telemetry is a warning, not a failure of the
// program.
func flush(ctx context.Context, mon *otelmon.Monitor) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := mon.Shutdown(ctx); err != nil {
		mon.Logger().WarnContext(ctx, "telemetry: "+err.Error())
	}
}
