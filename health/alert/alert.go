package alert

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// An Alert is one thing wrong with one check, or its end. Two alerts are the
// same if their labels are, whichever instance of a service sent them.
type Alert struct {
	// Resolved tells that it is over. Otherwise the alert is firing.
	Resolved bool

	// Labels identify the alert: alertname, job, health_check_name, severity
	// (critical or warning), and [Options.Labels].
	Labels map[string]string

	// Annotations explain it: summary and, if there is something to say,
	// description (the check's message), reason, dependants (checks that fail
	// because of this one, and cause no alert of their own), runbook_url and
	// trace_id (of an execution that failed).
	Annotations map[string]string

	// StartsAt is since when it has been so, which may be before the first
	// notice. EndsAt is zero while firing.
	StartsAt, EndsAt time.Time

	lease time.Duration // for how long the alert is to be believed without another word
	quiet bool          // no reminders: whoever was told need not be told again
	fresh bool          // has just changed
}

// Status returns "firing" or "resolved".
func (a *Alert) Status() string {
	if a.Resolved {
		return "resolved"
	}
	return "firing"
}

// Fingerprint returns 16 hexadecimal digits that differ when the labels do. It
// is the one that Alertmanager shows.
func (a *Alert) Fingerprint() string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		_, _ = h.Write([]byte(name + "\xff" + a.Labels[name] + "\xff"))
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// A Notification is what a receiver is told at one time.
type Notification struct {
	// Receiver is the name of the receiver in telemetry, as "webhook-2".
	Receiver string

	// Job is the label that all alerts share: the name of the service.
	Job string

	// Alerts are 1 to 64, the firing ones first. They belong to the receiver.
	Alerts []Alert
}

// replaced reports whether a is over only because its check is now wrong in
// another way, which people need not be told in two messages.
func (n *Notification) replaced(a *Alert) bool {
	return a.Resolved && slices.ContainsFunc(n.Alerts, func(other Alert) bool {
		return !other.Resolved && other.Labels[labelCheck] == a.Labels[labelCheck]
	})
}

// A Notifier tells somebody of alerts. An alert that is not over comes again:
// after an error, and as a reminder.
type Notifier interface {
	// Notify returns nil once the notification has been accepted. Any error
	// has it called again, later and later, with what holds then. It is never
	// called again before it has returned; ctx ends after 10 s. A panic is an
	// error.
	Notify(ctx context.Context, n Notification) error
}

// The labels that every alert has. The generated rules give the same ones, so
// that Alertmanager makes one alert of what a process tells of itself and what
// Prometheus finds out.
const (
	labelName     = "alertname"
	labelJob      = "job"
	labelCheck    = "health_check_name"
	labelSeverity = "severity"
)

// The severities.
const (
	critical = "critical"
	warning  = "warning"
)

// kind is what is wrong with a check: the alert's name.
type kind string

const (
	unhealthy kind = "HealthCheckUnhealthy"
	degraded  kind = "HealthCheckDegraded"
	stale     kind = "HealthCheckStale"
	flapping  kind = "HealthCheckFlapping"
)

// words completes "the check is".
func (k kind) words() string {
	return strings.ToLower(strings.TrimPrefix(string(k), "HealthCheck"))
}

// severity is critical for what takes the service down. A degraded check
// doesn't, whatever depends on it.
func (k kind) severity(vital bool) string { //nolint:revive // flag-parameter: a property of the check
	if vital && k != degraded {
		return critical
	}
	return warning
}

// vital lists the checks whose failure takes the service down: the critical
// ones and all that these depend on. The alert about a root cause speaks for its
// dependants, too, so it must not be milder than theirs would be.
func vital(checks []health.Check) map[string]bool {
	byName := make(map[string]health.Check, len(checks))
	for _, c := range checks {
		byName[c.Name] = c
	}
	found := make(map[string]bool, len(checks))
	var mark func(name string)
	mark = func(name string) {
		if found[name] {
			return
		}
		found[name] = true
		for _, dependency := range byName[name].DependsOn {
			mark(dependency)
		}
	}
	for _, c := range checks {
		if c.Critical {
			mark(c.Name)
		}
	}
	return found
}

const maxDependants = 20

// summary is the alert in words, with the severity if that is worth a word.
func (k kind) summary(check, job, severity string) string {
	text := fmt.Sprintf("check %s of %s is %s", check, job, k.words())
	if severity == critical {
		return severity + " " + text
	}
	return text
}

// annotate explains the alert.
func annotate(r *health.Result, k kind, job, severity string, dependants []string) map[string]string {
	a := map[string]string{"summary": k.summary(r.Name, job, severity)}
	set := func(name, value string) {
		if value != "" {
			a[name] = value
		}
	}
	set("description", r.Message)
	set("reason", string(r.Reason))
	set("runbook_url", r.Runbook)
	if more := len(dependants) - maxDependants; more > 0 {
		dependants = append(slices.Clone(dependants[:maxDependants]), fmt.Sprintf("and %d more", more))
	}
	set("dependants", strings.Join(dependants, ", "))
	if r.Span.HasTraceID() {
		set("trace_id", r.Span.TraceID().String())
	}
	return a
}
