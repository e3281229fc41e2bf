package otelmon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
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
		if sendsOTLP(set, signal) {
			e := endpointOf(set, signal)
			*to, send = &e, true
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

func endpointOf(set *settings.Set, signal settings.Signal) exporters.Endpoint {
	o := set.OTLP(signal)
	return exporters.Endpoint{
		URL:                   o.Endpoint,
		Exact:                 o.Exact,
		Protocol:              o.Protocol,
		Headers:               o.Headers,
		TokenFile:             set.String("OTELMON_TOKEN_FILE"),
		Compression:           o.Compression,
		Timeout:               o.Timeout,
		CertificateFile:       o.CertificateFile,
		ClientCertificateFile: o.ClientCertificateFile,
		ClientKeyFile:         o.ClientKeyFile,
		Insecure:              o.Insecure,
	}
}

// validateEndpoints names each fault by where its value came from, and tells
// one that all signals share once.
func validateEndpoints(set *settings.Set) error {
	var faults []error
	told := map[string]bool{}
	for _, signal := range settings.Signals() {
		if !sendsOTLP(set, signal) {
			continue
		}
		for _, err := range parts(endpointOf(set, signal).Validate()) {
			field := "URL"
			if fault, ok := errors.AsType[*exporters.FieldError](err); ok {
				field = fault.Field
			}
			err = fmt.Errorf("%s: %w", set.Source(variableOf(field, signal)), err)
			if !told[err.Error()] {
				told[err.Error()] = true
				faults = append(faults, err)
			}
		}
	}
	return errors.Join(faults...)
}

// parts takes joined errors apart.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// variableOf is the variable that a field of exporters.Endpoint comes from.
func variableOf(field string, signal settings.Signal) string {
	option := strings.ToUpper(field)
	switch field {
	case "TokenFile":
		return "OTELMON_TOKEN_FILE"
	case "URL":
		option = "ENDPOINT"
	case "CertificateFile":
		option = "CERTIFICATE"
	case "ClientCertificateFile":
		option = "CLIENT_CERTIFICATE"
	case "ClientKeyFile":
		option = "CLIENT_KEY"
	}
	return "OTEL_EXPORTER_OTLP_" + string(signal) + "_" + option
}
