package exporters

import (
	"math"
	"time"
)

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

// overtakes is how old what waits may be for what is made now to arrive before
// it. A cumulative metric must not go back in time. Loki refuses a record that is
// an hour older than the newest of its stream, and the replay takes its time too.
func (s Signal) overtakes() time.Duration {
	return [...]time.Duration{Traces: math.MaxInt64, Metrics: 0, Logs: 30 * time.Minute}[s]
}

// lane is a queue of one signal. A signal that may arrive out of order has two:
// when a backend comes back, what is made from then on goes to the one that is
// empty, while the other is replayed.
type lane uint8

const lanes = 2 * signals

func (s Signal) lanes() []lane {
	if s.overtakes() == 0 {
		return []lane{lane(s)}
	}
	return []lane{lane(s), lane(s).other()}
}

func (l lane) signal() Signal { return Signal(l % signals) }

func (l lane) other() lane { return (l + signals) % lanes }

// String is part of a batch's id.
func (l lane) String() string {
	if l < signals {
		return l.signal().String()
	}
	return l.signal().String() + "2"
}
