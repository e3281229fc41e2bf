package diagnosis

// Kinds of findings.
const (
	KindDependencyDown  = "dependency_down"   // calls of something outside fail
	KindDependencySlow  = "dependency_slow"   // they take far longer than they did
	KindNPlusOne        = "n_plus_one"        // one request makes a query for each row
	KindPoolExhausted   = "pool_exhausted"    // callers wait for a connection
	KindLockContention  = "lock_contention"   // callers wait for a lock that is held over I/O
	KindGoroutineLeak   = "goroutine_leak"    // goroutines become more and more
	KindMemoryGrowth    = "memory_growth"     // live memory becomes more and more
	KindCPUSaturated    = "cpu_saturated"     // goroutines wait for a processor
	KindQueueBacklog    = "queue_backlog"     // a queue is filled faster than it is emptied
	KindBulkStalled     = "bulk_stalled"      // a bulk operation makes no progress
	KindBulkErrors      = "bulk_errors"       // items of a bulk operation fail
	KindOperationFailed = "operation_failed"  // a bulk operation ended with an error
	KindDiskFull        = "disk_full"         // writes fail for want of space
	KindTelemetryStuck  = "telemetry_stuck"   // a destination of telemetry takes nothing
	KindTelemetryLost   = "telemetry_lost"    // telemetry was dropped
	KindCheckFailing    = "check_failing"     // a health check is not healthy
	KindFlapping        = "check_flapping"    // a health check keeps changing its state
	KindErrorRate       = "error_rate"        // spans of a name fail more often than they did
	KindPanics          = "panic_loop"        // requests keep panicking
	KindClockSkew       = "clock_skew"        // spans begin in the future
	KindLatency         = "latency"           // spans of a name take longer than they did
	KindSpansUnfinished = "spans_never_ended" // spans are begun and not ended
)

// effect says in words what follows from a cause.
func effect(kind, component string) string {
	return map[string]string{
		KindDependencyDown:  "outage of",
		KindDependencySlow:  "slow",
		KindNPlusOne:        "too many calls by",
		KindPoolExhausted:   "exhausted pool",
		KindLockContention:  "a lock held by",
		KindGoroutineLeak:   "leaking",
		KindMemoryGrowth:    "growing",
		KindCPUSaturated:    "saturated",
		KindQueueBacklog:    "growing queue",
		KindBulkStalled:     "standstill of",
		KindBulkErrors:      "failing items of",
		KindOperationFailed: "failed operation",
		KindDiskFull:        "full disk of",
		KindTelemetryStuck:  "telemetry waiting for",
		KindTelemetryLost:   "lost telemetry for",
		KindCheckFailing:    "failing check",
		KindFlapping:        "flapping check",
		KindErrorRate:       "failing",
		KindPanics:          "panics in",
		KindClockSkew:       "skewed",
		KindLatency:         "slow",
		KindSpansUnfinished: "unended",
	}[kind] + " " + component
}
