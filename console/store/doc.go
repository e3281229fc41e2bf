// Package store keeps a program's recent telemetry in bounded memory and
// answers questions about it: health, bulk operations, traces, logs, metrics and
// the Go runtime. Package console shows the answers.
//
//	st := store.New(0)
//	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(st.SpanProcessor()))
//	…
//	for _, t := range st.Traces(store.TraceQuery{Errors: true}).Traces { … }
//
// # What it keeps
//
// The newest telemetry, at most the bytes that [New] was given. Failed spans,
// spans of bulk operations, the slowest spans of each name, the other spans,
// warnings and errors, events of health and bulk, and the other log records have
// separate budgets, so that a flood of one cannot push out another. Spans are
// visible while they run, and counted by name and minute for an hour when they have
// ended. Values longer than 2 kB are cut, with a mark that says so, and what was
// dropped is counted in [Summary]. Metrics keep 15 minutes of history with a point
// every five seconds, and six hours with one every minute.
//
// # Answers
//
// What stands now: [Store.Health], [Store.Operations], [Store.Metrics],
// [Store.Runtime], [Store.Settings], and [Store.Delivery], which tells whether the
// telemetry reaches its backends. What was before: [Store.Traces], [Store.Trace] with
// its critical path, [Store.Logs] and [Store.Patterns], each of which says since
// when it is complete, [Store.SpanStats] and [Store.History].
//
// Lists are never nil and are cut to a limit, which Truncated tells; a [Number]
// that is not known is NaN, and null in JSON. Text is from outside: control,
// escape and bidirectional characters are taken out of it, and what looks like a
// secret is replaced by [redacted], by the rules of package exporters and the names
// that OTELMON_REDACT_KEYS adds to them.
package store
