package otelmon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/endpoint"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// pipeline is one signal's provider.
type pipeline struct{ provider }

// provider is what the three SDK providers have in common.
type provider interface {
	ForceFlush(context.Context) error
	Shutdown(context.Context) error
}

// openOutbox opens what delivers to the backends: nil if no signal is sent by
// OTLP.
func openOutbox(ctx context.Context, set *settings.Set, mirrors []exporters.Destination) (*exporters.Outbox, error) {
	o, sends := endpoint.Outbox(set)
	if !sends {
		return nil, nil
	}
	o.Destinations = append(o.Destinations, mirrors...)
	var err error
	if o.Temporality, err = exporters.Temporality(set.String("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")); err != nil {
		return nil, err
	}
	if o.Aggregation, err = exporters.Aggregation(set.String("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")); err != nil {
		return nil, err
	}
	return exporters.Open(ctx, o)
}

func sendsOTLP(set *settings.Set, signal settings.Signal) bool {
	return slices.Contains(set.Exporters(signal), "otlp")
}

func writesToConsole(set *settings.Set, signal settings.Signal) bool {
	return slices.Contains(set.Exporters(signal), "console")
}

// validateEndpoints names each fault by where its value came from, and tells
// one that all signals share once.
func validateEndpoints(set *settings.Set) error {
	var faults []error
	for _, f := range endpoint.Faults(set) {
		faults = append(faults, fmt.Errorf("%s: %w", f.Source, f.Err))
	}
	return errors.Join(faults...)
}
