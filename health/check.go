package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// What a zero field of [Check] means, and the shortest interval allowed.
const (
	DefaultInterval = 15 * time.Second
	DefaultTimeout  = 5 * time.Second
	MinInterval     = 10 * time.Millisecond
	maxInterval     = 365 * 24 * time.Hour // keeps sums of durations from overflowing
	maxThreshold    = 100
)

// A Check asks one question about the health of the process, again and again.
// Name and Func are required, every other field has a useful zero value.
type Check struct {
	// Name identifies the check in telemetry and HTTP answers: 1 to 63 letters,
	// digits, '.', '_', '-' or '/', the first a letter or digit. Unique within a
	// [Registry].
	Name string

	// Func returns nil when healthy, [Degraded] of an error when limited, and
	// any other error when unhealthy. Use the application's own connection, so
	// that the answer is about it: db.PingContext fits as it is.
	//
	// It is never called again before the last call has returned, however long
	// that takes. Its context ends a little before Timeout. A panic and
	// runtime.Goexit make the check unhealthy and go no further.
	Func func(ctx context.Context) error

	// Timeout is how long one execution may take. The bound is hard: at Timeout
	// the execution has failed whether Func heeds its context or not, and it goes
	// on failing with each Interval until Func returns. The context
	// ends a tenth earlier, at most 100 ms, so that Func can still say what it
	// was waiting for. Zero means 5 s.
	Timeout time.Duration

	// Interval lies between the starts of two executions, give or take a tenth.
	// The first comes within a tenth of Interval (at most 1 s), the second at a
	// random point of a whole one, so that replicas started together don't
	// march together; an unhealthy check wanders by half an Interval, so that
	// they don't run down what comes back. Zero means 15 s, the least is 10 ms.
	Interval time.Duration

	// TTL is how long a result is believed. An older one reads as unknown, even
	// if nothing runs any more that could notice. The least is 1.5 times Interval
	// plus Timeout, zero means 2.5 times Interval plus Timeout.
	TTL time.Duration

	// Critical makes the service as unhealthy as this check. The failure of a
	// check that is not critical degrades the service and fails no probe.
	Critical bool

	// Scope says where the cause of a failure lies. The zero value is External.
	Scope Scope

	// Probes are those that ask this check. Zero means Readiness|Startup.
	// Liveness is allowed for an Internal check only.
	Probes Probe

	// Fall is how many executions in a row must find the check worse than it
	// reads before it reads so, Rise how many must find it better. In between it
	// is executed more often. The first result after none is believed at once.
	// Zero means 1, the most is 100.
	Fall, Rise int

	// Grace is how long after Start, Register or Resume, whichever came last, a
	// check that was not healthy or degraded since may fail without being
	// unhealthy: it stays unknown, with ReasonPending. Zero means not at all.
	Grace time.Duration

	// DependsOn names the checks without which this one can't be healthy. While
	// one of them is at least as bad, this one's failure has a known cause:
	// [Result.SuppressedBy]. A cycle is an error, and so is a name that nobody
	// has registered when the checks start.
	DependsOn []string

	// Runbook is the http or https URL of what to do when the check fails. It
	// stands in reports and alerts.
	Runbook string
}

// Scope says whether a restart of this process could help a failed check.
type Scope uint8

// The scopes.
const (
	// External is for everything that may fail while this process is sound: a
	// database, another service, a network, a shared disk. Restarting all its
	// clients when a database is slow turns a hiccup into an outage, which is
	// why an external check can't be registered for liveness.
	External Scope = iota

	// Internal is for what only a restart can repair, such as a deadlock.
	Internal
)

// Probe is a set of the questions an orchestrator asks.
type Probe uint8

// The probes. Combine them with |.
const (
	Liveness  Probe = 1 << iota // /livez: must the process be restarted?
	Readiness                   // /readyz: may it get traffic?
	Startup                     // /startupz: has it started?

	probes = Liveness | Readiness | Startup
)

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$`)

func (c Check) withDefaults() Check {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.TTL == 0 && c.paced() {
		c.TTL = c.Interval*5/2 + c.Timeout
	}
	if c.Probes == 0 {
		c.Probes = Readiness | Startup
	}
	c.Fall, c.Rise = cmp.Or(c.Fall, 1), cmp.Or(c.Rise, 1)
	c.DependsOn = slices.Compact(slices.Sorted(slices.Values(c.DependsOn)))
	return c
}

// validate reports every fault of a check that has its defaults.
func (c Check) validate() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("health: check %q: "+format, append([]any{clip(c.Name, 80)}, args...)...))
		}
	}
	require(validName.MatchString(c.Name), "name must have 1 to 63 letters, digits or . _ - /, the first a letter or digit")
	require(c.Func != nil, "Func is nil")
	require(c.validTimeout(), "Timeout %v is negative or above a year", c.Timeout)
	require(c.validInterval(), "Interval %v is below %v or above a year", c.Interval, MinInterval)
	require(c.TTL >= 0, "TTL %v is negative", c.TTL)
	require(c.TTL < 0 || !c.paced() || c.TTL >= c.Interval*3/2+c.Timeout, "TTL %v is below 1.5 times Interval plus Timeout (%v)", c.TTL, c.Interval*3/2+c.Timeout)
	require(c.Scope <= Internal, "Scope %d is unknown", c.Scope)
	require(c.Probes&^probes == 0, "Probes %#b has unknown members", c.Probes)
	require(c.Scope != External || c.Probes&Liveness == 0,
		"an external check can't be registered for liveness: a restart would not repair its cause (set Scope to Internal only if it would)")
	require(c.Fall > 0 && c.Fall <= maxThreshold, "Fall %d is negative or above %d", c.Fall, maxThreshold)
	require(c.Rise > 0 && c.Rise <= maxThreshold, "Rise %d is negative or above %d", c.Rise, maxThreshold)
	require(c.Grace >= 0 && c.Grace <= maxInterval, "Grace %v is negative or above a year", c.Grace)
	require(validRunbook(c.Runbook), "Runbook must be an http or https URL without a user")
	return errors.Join(errs...)
}

func (c Check) validTimeout() bool { return c.Timeout > 0 && c.Timeout <= maxInterval }

func (c Check) validInterval() bool { return c.Interval >= MinInterval && c.Interval <= maxInterval }

// paced reports whether a TTL can be derived from the other durations, or judged
// by them.
func (c Check) paced() bool { return c.validTimeout() && c.validInterval() }

func validRunbook(link string) bool {
	u, err := url.Parse(link)
	return link == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// fastInterval is what Interval becomes while a check is changing.
func (c *Check) fastInterval() time.Duration {
	return min(c.Interval, max(c.Interval/5, time.Second))
}

// patience is how long Func's context lives.
func (c Check) patience() time.Duration {
	return c.Timeout - min(c.Timeout/10, 100*time.Millisecond)
}
