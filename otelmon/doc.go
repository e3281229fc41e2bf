// Package otelmon starts and stops OpenTelemetry for a Go program with one call.
//
//	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "shop"})
//	if err != nil {
//		return err
//	}
//	defer mon.Shutdown(context.WithoutCancel(ctx))
//
//	http.ListenAndServe("localhost:8080", otelmon.Handler(mux))
//
// # What it starts
//
// Traces, metrics and logs over OTLP, Go runtime and process metrics, the
// propagators, a resource that says which service, host, container and pod
// this is, and a logger. Everything else that a program needs is the
// OpenTelemetry API itself: otelmon sets the global providers.
//
// # Settings
//
// Every OTEL_* variable of the specification works, those included that the Go
// SDK does not read. [Config] beats the environment and the environment beats
// the default; [Monitor.Settings] tells each value and where it came from. A
// wrong value, all of them at once, is the error of [Start]; a misspelt name is
// told on the console with the nearest right one.
//
// # Delivery
//
// With [Config].OutboxDir telemetry waits in a directory until the backend has
// taken it, else in memory. [Monitor.Status] tells what became of every item, and
// [Monitor.Shutdown] returns what was lost. What the specification has no variable
// for:
//
//	OTELMON_RECORD_ALL        true records spans that the sampler drops, for taps alone
//	OTELMON_OUTBOX_DIR        the directory; none by default
//	OTELMON_OUTBOX_MAX_BYTES  of what waits in it: 268435456
//	OTELMON_OUTBOX_MAX_AGE    of what waits in it, in milliseconds: 86400000, a day
//	OTELMON_OUTBOX_EACH_SPAN  true writes each span before its End returns
//	OTELMON_TOKEN_FILE        a bearer token for all requests, read again when it changes
//	OTELMON_REDACT_KEYS       further attributes whose values are secret, separated by commas; the console heeds it too
//	OTELMON_ALLOW_KEYS        the only attributes whose values are sent
//	OTELMON_MAX_VALUE         bytes of an attribute's value, the rest is cut: 16384
//
// # Instruments
//
// [NewCounter], [NewGauge] and [NewTimer] hold attribute sets that are built
// once, [Begin] makes a span and a duration in one line, [Handler] and
// [Transport] instrument HTTP.
package otelmon
