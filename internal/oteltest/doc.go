// Package oteltest holds an OTLP receiver for tests, in the test's own process.
//
//	receiver, err := oteltest.Start(oteltest.Options{})
//	…
//	defer receiver.Close()
//	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.HTTPURL())
//	…
//	receiver.Spans() // what arrived
//
// # Faults
//
// [Receiver.Fail] makes it refuse, hang or reject from then on, [Receiver.Heal]
// ends that. Closing it and starting another on the same addresses plays a
// restart.
//
// Import it from tests only.
package oteltest
