package bulk

import (
	"runtime"
	"time"
)

// newCPUMeter measures which share of the CPU that the process may use it has
// used since the last call; 0 where that is unknown.
func newCPUMeter() func(now time.Duration) float64 { return shareOf(cpuTime) }

func shareOf(cpuTime func() time.Duration) func(now time.Duration) float64 {
	last, then := cpuTime(), time.Duration(0)
	return func(now time.Duration) float64 {
		used := cpuTime()
		share := float64(used-last) / (float64(now-then) * float64(runtime.GOMAXPROCS(0)))
		last, then = used, now
		return share
	}
}
