package otelmon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	backend, send := exporters.Destination{}, false
	for signal, to := range map[settings.Signal]**exporters.Endpoint{
		settings.Traces: &backend.Traces, settings.Metrics: &backend.Metrics, settings.Logs: &backend.Logs,
	} {
		if e := endpoint.Of(set, signal); e != nil {
			*to, send = e, true
		}
	}
	if !send {
		return nil, nil
	}
	temporality, err := exporters.Temporality(set.String("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"))
	if err != nil {
		return nil, err
	}
	aggregation, err := exporters.Aggregation(set.String("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"))
	if err != nil {
		return nil, err
	}
	return exporters.Open(ctx, exporters.Options{
		Destinations: append([]exporters.Destination{backend}, mirrors...),
		Dir:          set.String("OTELMON_OUTBOX_DIR"),
		MaxBytes:     int64(set.Int("OTELMON_OUTBOX_MAX_BYTES")),
		MaxAge:       set.Duration("OTELMON_OUTBOX_MAX_AGE"),
		EachSpan:     set.Bool("OTELMON_OUTBOX_EACH_SPAN"),
		RedactKeys:   words(set.String("OTELMON_REDACT_KEYS")),
		AllowKeys:    words(set.String("OTELMON_ALLOW_KEYS")),
		MaxValue:     set.Int("OTELMON_MAX_VALUE"),
		Spans:        batching(set, "OTEL_BSP_"),
		Records:      batching(set, "OTEL_BLRP_"),
		Temporality:  temporality,
		Aggregation:  aggregation,
	})
}

// words takes a list apart that is separated by commas.
func words(list string) (all []string) {
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// durableDelay is how long items wait in memory when there is a directory to
// put them in.
const durableDelay = 200 * time.Millisecond

func batching(set *settings.Set, prefix string) exporters.Batching {
	b := exporters.Batching{
		Queue:   set.Int(prefix + "MAX_QUEUE_SIZE"),
		Largest: set.Int(prefix + "MAX_EXPORT_BATCH_SIZE"),
		Delay:   atLeast(set.Duration(prefix + "SCHEDULE_DELAY")),
	}
	if set.String("OTELMON_OUTBOX_DIR") != "" && set.Source(prefix+"SCHEDULE_DELAY") == "default" {
		b.Delay = durableDelay
	}
	return b
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
