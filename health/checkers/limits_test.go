package checkers

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

func TestLimits(t *testing.T) {
	defaults := CountLimits{}.or(5, 10)
	for name, tc := range map[string]struct {
		l     CountLimits
		value int64
		want  health.State
	}{
		"below":            {defaults, 4, health.StateHealthy},
		"degraded":         {defaults, 5, health.StateDegraded},
		"almost unhealthy": {defaults, 9, health.StateDegraded},
		"unhealthy":        {defaults, 10, health.StateUnhealthy},
		"degraded only":    {CountLimits{Degraded: 3}.or(5, 10), math.MaxInt64, health.StateDegraded},
		"unhealthy only":   {CountLimits{Unhealthy: 20}.or(5, 10), 19, health.StateHealthy},
		"both at once":     {CountLimits{Degraded: 7, Unhealthy: 7}, 7, health.StateUnhealthy},
	} {
		if got := stateOf(t, tc.l.judge(tc.value, errDown)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// Whatever is wrong with what a checker was given shows at each execution.
func TestFaultsOfCheckers(t *testing.T) {
	depth := func(context.Context) (int64, error) { return 0, nil }
	offset := func(context.Context) (time.Duration, error) { return 0, nil }
	counts := func() (int64, int64, error) { return 0, 0, nil }
	for _, tc := range []struct {
		check func(context.Context) error
		want  string
	}{
		{All(), "all checker: there are no checks"},
		{All(pass, nil), "all checker: a check is nil"},
		{AtLeast(1), "at least checker: there are no checks"},
		{AtLeast(0, pass), "at least checker: 0 of 1 can't be asked for"},
		{AtLeast(2, pass), "at least checker: 2 of 1 can't be asked for"},
		{AtLeast(1, nil), "at least checker: a check is nil"},
		{Certificate("host", CertificateOptions{}), "certificate checker: the address must be host:port"},
		{Certificate(":443", CertificateOptions{}), "certificate checker: the address must be host:port"},
		{Certificate("h:443", CertificateOptions{Unhealthy: -1}), "certificate checker: a time must not be negative"},
		{Certificate("h:443", CertificateOptions{Degraded: 1, Unhealthy: 2}), "certificate checker: degraded must begin before unhealthy"},
		{ClockOffset(nil, DurationLimits{}), "clock offset checker: the function is nil"},
		{ClockOffset(offset, DurationLimits{Degraded: -1}), "clock offset checker: a limit must not be negative"},
		{Connected(nil), "connected checker: the function is nil"},
		{Delivery(nil, 0), "delivery checker: the function is nil"},
		{Delivery(counts, -1), "delivery checker: the memory must not be negative"},
		{DNS("", DNSOptions{}), "dns checker: the name is empty"},
		{DNS("::1", DNSOptions{}), "dns checker: an address needs no resolving"},
		{DNS("a", DNSOptions{Addresses: -1}), "dns checker: the number of addresses must not be negative"},
		{FileAge("*", DurationLimits{}), "file age checker: a limit is needed"},
		{FileAge("[", DurationLimits{Unhealthy: 1}), "file age checker: the pattern is malformed"},
		{FileDescriptors(ShareLimits{Unhealthy: 2}), "file descriptors checker: a share must lie between 0 and 1"},
		{GCPause(DurationLimits{Degraded: 2, Unhealthy: 1}), "gc pause checker: degraded must begin before unhealthy"},
		{Goroutines(CountLimits{Unhealthy: -1}), "goroutines checker: a limit must not be negative"},
		{NewHeartbeat(DurationLimits{}).Check, "heartbeat checker: a limit is needed"},
		{new(Heartbeat).Check, "heartbeat checker: made without NewHeartbeat"},
		{Inodes(".", ShareLimits{Degraded: math.NaN()}), "inodes checker: a share must lie between 0 and 1"},
		{Lock(nil), "lock checker: the lock is nil"},
		{QueueDepth(nil, CountLimits{Degraded: 1}), "queue depth checker: the function is nil"},
		{QueueDepth(depth, CountLimits{}), "queue depth checker: a limit is needed"},
		{SchedulerLatency(DurationLimits{Degraded: -1}), "scheduler latency checker: a limit must not be negative"},
	} {
		for range 2 {
			if err := tc.check(t.Context()); err == nil || err.Error() != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		}
	}
}
