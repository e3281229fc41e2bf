// Package console shows what a program's telemetry says, inside the program:
// health, bulk operations, traces, logs, metrics and the Go runtime, on a page
// that needs no script, no collector and no network.
//
//	con := console.New(console.Options{})
//	mon, err := otelmon.Start(ctx, otelmon.Config{Service: "shop", Taps: []otelmon.Tap{con}})
//	mux.Handle("/debug/otelmon/", con.Handler())
//
// The page is drawn on the server and works without scripts. With them it stays
// current by one stream of what differs, at most once a second, and its charts
// have a cursor; where the stream cannot get through, it reloads. A stream ends
// with its reader or its server, and there are at most 16 at once.
//
// Without otelmon, give [Console.SpanProcessor], [Console.MetricReader] and
// [Console.LogProcessor] to the providers of the OpenTelemetry SDK.
//
// # What it keeps
//
// The newest telemetry, at most Options.MaxBytes of it. Failed spans, spans of
// bulk operations, the other spans, warnings and errors, events of health and
// bulk, and the other log records have separate budgets, so that a flood of
// one cannot push out another. Spans are visible while they run. Values longer
// than 2 kB are cut, with a mark that says so, and what was dropped is counted
// on the Runtime page. Metrics keep 15 minutes of history, a point every five
// seconds. Nothing is written anywhere; what is kept stays visible after the
// providers have been shut down, until the process ends.
//
// # Who may see it
//
// Only this machine: requests must come from a loopback address, name
// localhost, 127.0.0.1 or [::1] as host, speak HTTP/1.1 or newer, bear no header
// of a proxy, and not be started by another site.
//
// A proxy on this machine that hides itself entirely cannot be recognised, as
// nginx does by default from 1.29.7 on: it looks like this machine, and everybody
// whom it serves can read the telemetry.
// So do not mount the console on a port that a proxy publishes; give it a
// listener of its own on 127.0.0.1.
//
// Others come in with a token, Options.ReadToken, as a header or through a login
// page, or by what Options.Authorize finds out. Only who has Options.ActToken, or
// is told so by Authorize, may change the log level or take profiles; each such
// action is told by an event, otelmon.console.action.
//
// [Console.Serve] gives the console such a listener, and refuses one that other
// machines reach while nothing asks them who they are.
// Telemetry is text from outside: control, escape and bidirectional characters
// are taken out of it everywhere.
//
// # JSON
//
// The same answers are under api/: summary, diagnosis, health, operations, traces,
// traces/{id}, logs, patterns, metrics, delivery and runtime; api/ itself lists them with their
// parameters. Lists are never null and are cut to a limit, which "truncated"
// tells; a number that is not known is null; times are RFC 3339, durations
// seconds. A question that is not understood is answered with status 400 and
// {"errors": […]}, a trace that is not kept with status 404.
package console
