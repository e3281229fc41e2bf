package keys

// ScopeDoctor is the instrumentation scope of probes.
const ScopeDoctor = Module + "/doctor"

// What a probe consists of. Probe is the name of its span and of its log event,
// and the resource attribute that says what they are.
const (
	Probe          = "otelmon.probe"
	ProbeTimestamp = "otelmon.probe.timestamp"
)

// What a drill consists of: the name of its spans, of its metric and its scope,
// and the service that they are of.
const (
	Drill        = "otelmon.drill"
	DrillService = "otelmon-drill"
)
