package checkers

import (
	"errors"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func TestDelivery(t *testing.T) {
	var delivered, failed int64
	var last error
	check := Delivery(func() (int64, int64, error) { return delivered, failed, last }, 0)
	overTime(t, check, func(after func(time.Duration, health.State, string)) {
		const (
			part = "part of the telemetry does not arrive, 5 items lost so far: refused"
			none = "telemetry does not arrive, 5 items lost so far: refused"
		)
		after(0, health.StateHealthy, "") // nothing was sent yet
		failed, last = 5, errors.New("refused")
		after(time.Second, health.StateUnhealthy, none) // nothing has ever arrived
		delivered = 7
		after(time.Second, health.StateDegraded, part)
		last = nil
		after(deliveryMemory-2*time.Second, health.StateDegraded, "part of the telemetry does not arrive, 5 items lost so far: attempts succeed again")
		after(time.Second, health.StateHealthy, "") // the loss is forgotten
		after(time.Hour, health.StateHealthy, "")   // nothing sent is nothing lost

		last = errors.New("away") // nothing is lost yet
		after(time.Second, health.StateUnhealthy, "telemetry does not arrive, 5 items lost so far: away")
		last = nil
		after(time.Second, health.StateHealthy, "")

		failed, last = 6, errors.New("refused")
		after(time.Second, health.StateUnhealthy, "telemetry does not arrive, 6 items lost so far: refused")
		delivered = 8
		after(time.Second, health.StateDegraded, "part of the telemetry does not arrive, 6 items lost so far: refused")
		for range 4 { // it goes on being lost, and nothing arrives any more
			failed++
			<-time.After(time.Minute)
			_ = check(t.Context()) // it has to see that nothing arrived
		}
		after(0, health.StateUnhealthy, "telemetry does not arrive, 10 items lost so far: refused")
		last = nil
		after(0, health.StateUnhealthy, "telemetry does not arrive, 10 items lost so far: attempts succeed again")
	})
}
