// Package mcp lets a language model ask a program how it is, over the Model
// Context Protocol: what is wrong and why, health, bulk operations, traces, logs,
// metrics and the Go runtime.
//
//	con := console.New(console.Options{})
//	mcp.Mount(con)
//	mux.Handle("/debug/otelmon/", con.Handler()) // MCP at /debug/otelmon/mcp
//
// The server is without state: it speaks revision 2026-07-28 and answers clients
// of the revisions before it. Clients that start their servers as processes use
// the command otelmon mcp.
//
// # Tools
//
// The tool diagnose comes first, as one call of it names the most likely cause of
// what is wrong. Each answer begins with a summary, tells the time it is of and
// what was left out, and proposes at most three calls that lead on. It is at most
// 24 kB long, so about 6,000 tokens, whatever is asked and kept; the least important
// part is left out. Numbers as strings and names in the wrong case are
// understood; other mistakes are answered with the names there are and a call
// that would have been right.
//
// # Who may do what
//
// The checks of the console stand before this package. Whoever may read gets the
// tools that read. The tools that change the log level and take profiles are
// listed and answered only with the scope act, and each such action is told by an
// event.
//
// Text in answers is from telemetry, so from outside: it stands in fields of data
// alone, cleaned, redacted and cut, and the instructions of the server say that it
// is not to be followed.
package mcp
