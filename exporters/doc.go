// Package exporters delivers traces, metrics and logs over OTLP, and tells what
// became of every item.
//
//	box, err := exporters.Open(ctx, exporters.Options{
//		Destinations: []exporters.Destination{exporters.To(exporters.Endpoint{URL: "https://otlp.example.com"})},
//		Dir:          "/var/lib/shop/telemetry",
//	})
//	if err != nil {
//		return err
//	}
//	provider := trace.NewTracerProvider(trace.WithSpanProcessor(box.SpanProcessor()))
//	…
//	err = errors.Join(provider.Shutdown(ctx), box.Close(ctx))
//
// # Delivery
//
// An [Outbox] takes the place of batch processors and exporters. The official
// exporters encode; the requests wait in the directory, or in memory without one,
// until each destination has taken them, however long it is away. They are
// retried with jitter, at the pace that the backend asks for. A request that a
// backend refuses is taken apart, so that only the items at fault are lost, and
// shown. After an outage what waited is replayed, and spans and log records that
// are made meanwhile arrive before its end; metrics keep their order. A receiver
// may get a request twice; it then has the same Otelmon-Batch-Id, unless the
// process died and more had come to be sent with it meanwhile.
//
// Recording telemetry never waits: for the network it never does, and a queue
// that is full drops. The exception is [Options.EachSpan], which writes each span
// to the directory before its End returns.
//
// # What is never lost
//
// With a directory, what was encoded survives outages, restarts and SIGKILL; a
// failure of power takes at most half a second of it. While its disk is full,
// read-only or broken, telemetry waits in memory, and [Status] and a metric tell
// so; a directory that is not to be used at all, as it is a link, somebody else's,
// open to others or another process's, is an error of [Open]. In memory wait spans and
// log records for at most [Batching].Delay before they are encoded. A bulk
// operation whose process dies is told by the next one.
//
// # The ledger
//
// Of each signal and destination, created = delivered + pending + dropped by
// [Reason]. [Outbox.Status] and the metrics of [Outbox.Observe] tell it,
// [Outbox.Close] returns what was lost. With a directory it goes on after a
// restart, and knows what a killed process had in memory.
//
// # What is sent
//
// Secrets are redacted and long values cut, see SECURITY.md. Text that is not
// UTF-8, which OTLP can't carry, is repaired: every run of invalid bytes becomes
// U+FFFD. Attributes that are the same after that are told as they are, so two
// series of a metric may come to look like one.
//
// # Errors
//
// [Explain] says in one sentence what a failed export means and what to change.
package exporters
