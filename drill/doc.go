// Package drill breaks the way to the backend on purpose, and counts. A receiver
// on this machine refuses, resets, hangs, throttles and rejects, the process
// restarts, its directory is full, and what it made is compared with what its
// ledger says and with what arrived.
//
//	report := drill.Run(ctx, drill.Options{})
//	if err := report.Err(); err != nil {
//		return err // something was lost without a number
//	}
//
// The settings are those of the program: protocol, compression, queues, limits,
// redaction, and whether telemetry waits in a directory. The backend and the
// directory themselves are not touched.
//
// The command `otelmon drill` prints the same.
package drill
