package otelmon

import (
	"syscall"
	"time"
)

func readUsage() usage {
	u := unknownUsage()
	var created, exited, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err == nil && syscall.GetProcessTimes(self, &created, &exited, &kernel, &user) == nil {
		u.userSeconds, u.systemSeconds = filetimeSeconds(user), filetimeSeconds(kernel)
	}
	return u
}

// filetimeSeconds reads a duration; Filetime.Nanoseconds would take it for a
// point in time and subtract the epoch.
func filetimeSeconds(t syscall.Filetime) float64 {
	ticks := int64(t.HighDateTime)<<32 | int64(t.LowDateTime)
	return (time.Duration(ticks) * 100).Seconds()
}
