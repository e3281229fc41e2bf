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
// # The real backend
//
// With [Options.Backend] what is made goes on to the endpoints of the settings,
// with their certificates, headers and token, and the faults are played on the way:
// those of the backend itself, of the disk and of the process are left out. What
// arrived is then what the backend says that it took. It gets some 600 spans, data
// points and log records, at most [MaxItems], of the service otelmon-drill, with the
// resource attribute otelmon.probe. One that does not take the first of them is
// asked no more.
//
// # A process that is killed
//
// In the scenario "killed" a process dies by SIGKILL in an outage, and another goes
// on in its directory: what was only in its memory has crashed, exactly that, and
// the rest is delivered. A library cannot start its program a second time without
// knowing what that does, so [Run] skips the scenario, and [RunKilling] takes a
// program that calls [Victim]. It is skipped as well where telemetry waits in memory,
// and on systems other than Linux and macOS, where the ledger does not survive a kill.
//
// The command `otelmon drill` prints the same. It is such a program.
package drill
