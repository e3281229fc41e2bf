package otelmon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// pipeline is one signal's provider and the exporters that it sends through.
type pipeline struct {
	provider
	sent []*delivery
	made *tally // nil for metrics, which no queue can lose
}

// provider is what the three SDK providers have in common.
type provider interface {
	ForceFlush(context.Context) error
	Shutdown(context.Context) error
}

// opener builds the exporters of one signal.
type opener[E any] struct {
	signal  settings.Signal
	items   string
	otlp    func(exporters.Endpoint, context.Context) (E, error)
	console func(context.Context) (E, error)
	count   func(*exporters.Delivery, E) E
}

// open builds every exporter that the settings name for the signal. What goes
// to the backend is counted.
func (o opener[E]) open(ctx context.Context, set *settings.Set) (all []E, sent []*delivery, err error) {
	for _, name := range set.Exporters(o.signal) {
		var e E
		switch name {
		case "console":
			e, err = o.console(ctx)
		case "otlp":
			endpoint := endpointOf(set, o.signal)
			if e, err = o.otlp(endpoint, ctx); err == nil {
				d := &delivery{items: o.items, to: address(endpoint.URL)}
				sent = append(sent, d)
				e = o.count(&d.Delivery, e)
			}
		default: // prometheus is a tap
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s exporter %s: %w", o.items, name, err)
		}
		all = append(all, e)
	}
	return all, sent, nil
}

func endpointOf(set *settings.Set, signal settings.Signal) exporters.Endpoint {
	o := set.OTLP(signal)
	return exporters.Endpoint{
		URL:                   o.Endpoint,
		Exact:                 o.Exact,
		Protocol:              o.Protocol,
		Headers:               o.Headers,
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
		if !slices.Contains(set.Exporters(signal), "otlp") {
			continue
		}
		for _, err := range parts(endpointOf(set, signal).Validate()) {
			option := "ENDPOINT"
			if fault, ok := errors.AsType[*exporters.FieldError](err); ok {
				option = optionOf(fault.Field)
			}
			err = fmt.Errorf("%s: %w", set.Source("OTEL_EXPORTER_OTLP_"+string(signal)+"_"+option), err)
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

// optionOf is what a variable's name calls a field of exporters.Endpoint.
func optionOf(field string) string {
	switch field {
	case "URL":
		return "ENDPOINT"
	case "CertificateFile":
		return "CERTIFICATE"
	case "ClientCertificateFile":
		return "CLIENT_CERTIFICATE"
	case "ClientKeyFile":
		return "CLIENT_KEY"
	}
	return strings.ToUpper(field)
}
