// Package settings resolves the OTEL_* variables of the OpenTelemetry
// specification: code beats environment beats default, and every value knows
// where it came from.
//
//	set, err := settings.Resolve(os.Environ(), []settings.Code{
//		{Name: "OTEL_SERVICE_NAME", Field: "Config.Service", Value: "shop"},
//	})
//	if err != nil {
//		return err // every wrong value, joined
//	}
//	for _, signal := range settings.Signals() {
//		target := set.OTLP(signal)
//		…
//	}
//
// # Names
//
// Everything is keyed by the specification's variable name. A lookup of a
// signal's own variable, say OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, answers with
// the general variable or the default when the signal has none of its own.
//
// # Secrets
//
// [Set.All] and every fault show a value only if its name is known to be
// public; header values, URL credentials and URL queries are never shown, nor is
// anything in a URL's path but the usual words, since it may be an API key.
package settings
