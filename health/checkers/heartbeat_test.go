package checkers

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func TestHeartbeat(t *testing.T) {
	var h *Heartbeat // made when the clock is fake
	check := func(ctx context.Context) error { return h.Check(ctx) }
	overTime(t, check, func(after func(time.Duration, health.State, string)) {
		h = NewHeartbeat(DurationLimits{Degraded: time.Minute, Unhealthy: time.Hour})
		after(time.Minute-1, health.StateHealthy, "") // no beat yet, but none is due
		after(1, health.StateDegraded, "silent for 1m0s after 0 beats")
		after(59*time.Minute, health.StateUnhealthy, "silent for 1h0m0s after 0 beats")
		h.Beat()
		after(0, health.StateHealthy, "")
		after(time.Minute-1, health.StateHealthy, "")
		after(1, health.StateDegraded, "silent for 1m0s after 1 beats")
		after(time.Hour, health.StateUnhealthy, "silent for 1h1m0s after 1 beats")
		h.Beat()
		after(0, health.StateHealthy, "")
	})
	h = NewHeartbeat(DurationLimits{Unhealthy: time.Hour})
	h.Beat()
	got := expect(t, check, health.StateHealthy, "")
	if beats := detail(t, got, "heartbeat.beats"); beats != "1" {
		t.Errorf("%s beats", beats)
	}
	if silence := detail(t, got, "heartbeat.silence"); strings.HasPrefix(silence, "-") {
		t.Errorf("silent for %s s", silence)
	}
}

func TestHeartbeatConcurrentSafe(t *testing.T) {
	h := NewHeartbeat(DurationLimits{Unhealthy: time.Hour})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				h.Beat()
				if err := h.Check(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := h.beats.Load(); n != 8000 {
		t.Errorf("%d beats", n)
	}
	if n := testing.AllocsPerRun(100, h.Beat); n != 0 {
		t.Errorf("a beat allocates %v times", n)
	}
}

// A beat on what was made the wrong way must not hurt the job.
func TestHeartbeatWithoutConstructor(*testing.T) { new(Heartbeat).Beat() }
