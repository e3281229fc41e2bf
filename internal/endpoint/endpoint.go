// Package endpoint makes endpoints and options of package exporters out of
// settings, which must not know each other, and says of faults which variable to
// change.
package endpoint

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/settings"
)

// Of returns where and how the signal leaves the process, nil if it does not
// leave it by OTLP. The endpoint may be wrong: see [Faults].
func Of(set *settings.Set, signal settings.Signal) *exporters.Endpoint {
	if !slices.Contains(set.Exporters(signal), "otlp") {
		return nil
	}
	o := set.OTLP(signal)
	return &exporters.Endpoint{
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

// durableDelay is how long items wait in memory when there is a directory to
// put them in, unless a setting says otherwise.
const durableDelay = 200 * time.Millisecond

// Outbox returns the options of what delivers to the endpoints of the settings,
// and whether any signal is sent by OTLP.
func Outbox(set *settings.Set) (o exporters.Options, sends bool) {
	to := exporters.Destination{Traces: Of(set, settings.Traces), Metrics: Of(set, settings.Metrics), Logs: Of(set, settings.Logs)}
	return exporters.Options{
		Destinations: []exporters.Destination{to},
		Dir:          set.String("OTELMON_OUTBOX_DIR"),
		MaxBytes:     int64(set.Int("OTELMON_OUTBOX_MAX_BYTES")),
		MaxAge:       set.Duration("OTELMON_OUTBOX_MAX_AGE"),
		EachSpan:     set.Bool("OTELMON_OUTBOX_EACH_SPAN"),
		RedactKeys:   words(set.String("OTELMON_REDACT_KEYS")),
		AllowKeys:    words(set.String("OTELMON_ALLOW_KEYS")),
		MaxValue:     set.Int("OTELMON_MAX_VALUE"),
		Spans:        Batching(set, "OTEL_BSP_"),
		Records:      Batching(set, "OTEL_BLRP_"),
	}, to.Traces != nil || to.Metrics != nil || to.Logs != nil
}

// Batching returns how items are gathered by the variables of a prefix.
func Batching(set *settings.Set, prefix string) exporters.Batching {
	b := exporters.Batching{
		Queue:   set.Int(prefix + "MAX_QUEUE_SIZE"),
		Largest: set.Int(prefix + "MAX_EXPORT_BATCH_SIZE"),
		Delay:   max(set.Duration(prefix+"SCHEDULE_DELAY"), time.Millisecond),
	}
	if set.String("OTELMON_OUTBOX_DIR") != "" && set.Source(prefix+"SCHEDULE_DELAY") == "default" {
		b.Delay = durableDelay
	}
	return b
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

// Fault is one thing that is wrong with an endpoint.
type Fault struct {
	Variable string // the one to change
	Source   string // where its value comes from
	Err      error
}

// Faults returns what is wrong with the endpoints of all signals. One that they
// share comes once.
func Faults(set *settings.Set) []Fault {
	var faults []Fault
	for _, signal := range settings.Signals() {
		e := Of(set, signal)
		if e == nil {
			continue
		}
		for _, err := range parts(e.Validate()) {
			field := "URL"
			if fault, ok := errors.AsType[*exporters.FieldError](err); ok {
				field = fault.Field
			}
			name := Variable(field, signal)
			f := Fault{Variable: name, Source: set.Source(name), Err: err}
			if !slices.ContainsFunc(faults, func(told Fault) bool {
				return told.Source == f.Source && told.Err.Error() == f.Err.Error()
			}) {
				faults = append(faults, f)
			}
		}
	}
	return faults
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

// Variable is the one that a field of [exporters.Endpoint] comes from.
func Variable(field string, signal settings.Signal) string {
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
