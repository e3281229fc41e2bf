package exporters

// Signal is a kind of telemetry.
type Signal uint8

// The signals of OTLP.
const (
	Traces Signal = iota
	Metrics
	Logs
)

const signals = 3

// String returns the signal's name as OTLP writes it in a path: traces, metrics
// or logs.
func (s Signal) String() string {
	switch s {
	case Traces:
		return "traces"
	case Metrics:
		return "metrics"
	case Logs:
		return "logs"
	}
	return "unknown"
}

// items is what the signal's telemetry is counted in.
func (s Signal) items() string {
	switch s {
	case Traces:
		return "spans"
	case Metrics:
		return "metric data points"
	case Logs:
		return "log records"
	}
	return "items"
}
