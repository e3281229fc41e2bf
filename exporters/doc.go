// Package exporters turns an endpoint into the official OTLP exporters for
// traces, metrics and logs, with the faults of the network in mind.
//
//	endpoint := exporters.Endpoint{URL: "https://otlp.example.com", Headers: map[string]string{"api-key": key}}
//	if err := endpoint.Validate(); err != nil {
//		return err
//	}
//	spans, err := endpoint.Traces(ctx)
//
// # Delivery
//
// A [Delivery] counts what reached the backend and what did not, and shields the
// process from exporters that panic or hang:
//
//	var sent exporters.Delivery
//	provider := trace.NewTracerProvider(trace.WithBatcher(sent.Traces(spans)))
//	…
//	fmt.Println(sent.Snapshot().Failed, "spans lost")
//
// # Outages
//
// The official HTTP exporter gives a batch up at once when the connection is
// refused. Here such a batch is retried until the endpoint's timeout ends, as
// the gRPC exporter does.
//
// # Invalid text
//
// OTLP takes only UTF-8, but a path or a header of a stranger may hold any byte.
// A batch with such text is repaired and sent once more: every run of invalid
// bytes becomes U+FFFD. Attributes that are the same after that are told as
// they are, so two series of a metric may come to look like one.
//
// # Errors
//
// [Explain] says in one sentence what a failed export means and what to change.
package exporters
