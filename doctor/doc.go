// Package doctor finds out why telemetry does not arrive. It reads the settings
// that hold, looks for what is wrong with them, sends a real span, data point and
// log record to every destination whatever the sampler says, and asks the stores
// behind it, where it knows them, whether the probe has arrived.
//
//	report := doctor.Run(ctx, doctor.Options{})
//	if err := report.Err(); err != nil {
//		return err // what has failed, each with what to do
//	}
//
// The command `otelmon doctor` prints the same.
//
// # Findings
//
// A [Check] says in a sentence what was found and in another what to do about it.
// Credentials are part of neither.
package doctor
