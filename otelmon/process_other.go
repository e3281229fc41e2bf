//go:build unix && !linux

package otelmon

// readUsage leaves memory out: without cgo these systems do not tell it.
func readUsage() usage {
	u := unknownUsage()
	u.userSeconds, u.systemSeconds = cpuSeconds()
	u.fileDescriptors = countFiles("/dev/fd")
	return u
}
