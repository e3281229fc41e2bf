package otelmon

import (
	"fmt"

	"github.com/otelmon/otelmon-go/exporters"
)

// Status returns how the delivery of telemetry stands: for each destination and
// signal what was made, delivered, is pending and was lost, and why. It is empty
// if nothing is sent by OTLP.
func (m *Monitor) Status() exporters.Status {
	if m.outbox == nil {
		return exporters.Status{}
	}
	return m.outbox.Status()
}

// Delivery returns how many spans, data points of metrics and log records were
// delivered to the backend and lost since [Start], and why the newest attempt
// failed, nil if it did not. [Monitor.Status] tells more. checkers.Delivery makes a
// health check of it.
func (m *Monitor) Delivery() (delivered, failed int64, last error) {
	for _, a := range m.Status().Accounts {
		delivered += a.Delivered
		failed += a.Lost()
		if a.Err != nil {
			last = fmt.Errorf("%s to %s: %w", a.Signal, a.Address, a.Err)
		}
	}
	return delivered, failed, last
}
