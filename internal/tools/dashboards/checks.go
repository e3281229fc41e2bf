package main

import (
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// order is how states of health become numbers, the worst last.
func order() []meaning {
	return []meaning{{"0", "healthy", "green"}, {"1", "degraded", "yellow"}, {"2", "unknown", "purple"}, {"3", "unhealthy", "red"}}
}

func states() []dashboard.ValueMapping { return said(order()...) }

// state is the worst state, as a number of order: of the four series of a state the
// one that holds is 1.
func (n *names) state(key, attribute string, matchers []string, by ...string) string {
	parts := make([]string, len(order()))
	for i, s := range order() {
		parts[i] = "(" + n.of(key, append([]string{n.is(attribute, s.text)}, matchers...)...) + " == 1) * " + strconv.Itoa(i)
	}
	return n.by("max", strings.Join(parts, " or "), by...)
}

// ofChecks are the matchers of the dashboard's checks.
func (n *names) ofChecks(more ...string) []string {
	return append([]string{n.label(keys.HealthCheckName) + `=~"$check"`}, more...)
}

// checks are what the service says of itself and of what it depends on.
func checks(n *names) *page {
	d := n.frame("Health", healthUID, "States of checks, their changes and durations, and which failure explains the others.").
		WithVariable(n.chosen("check", "Check", keys.HealthCheckStatus, keys.HealthCheckName))
	d.WithRow(dashboard.NewRowBuilder("Now"))
	n.healthFigures(d)
	n.rootCauses(d)
	d.WithRow(dashboard.NewRowBuilder("States"))
	n.healthStates(d)
	d.WithRow(dashboard.NewRowBuilder("Executions"))
	n.healthExecutions(d)
	d.WithRow(dashboard.NewRowBuilder("Who is told, and why"))
	n.healthTold(d)
	return d
}

func (n *names) healthFigures(d *page) {
	d.WithPanel(figure("Service", "The worst that any instance says of itself.", "none",
		now(ask{expr: n.state(keys.HealthStatus, keys.HealthState, nil)})).Mappings(states()))
	notHealthy := n.of(keys.HealthCheckStatus, n.label(keys.HealthCheckState)+`!="healthy"`)
	d.WithPanel(figure("Checks that are not healthy", "Over all instances. Unknown counts: no fresh result exists.", units.Short,
		now(ask{expr: n.by("sum", notHealthy)})).Thresholds(limits(from(1, "red"))))
	d.WithPanel(figure("Flapping or muted", "Checks that keep changing their state, and those that nobody needs to be told of.", units.Short,
		now(ask{expr: n.by("sum", n.of(keys.HealthCheckFlapping)), legend: "flapping"}, ask{expr: n.by("sum", n.of(keys.HealthCheckMuted)), legend: "muted"})).
		Thresholds(limits(from(1, "orange"))))
	d.WithPanel(figure("Lag of the scheduler", "How late the execution is that is due first. More than a second means that the process has too little CPU.", units.Seconds,
		overTime(ask{expr: n.by("max", n.of(keys.HealthSchedulerLag))})).Thresholds(limits(from(1, "orange"), from(10, "red"))))
}

// rootCauses are checks that fail and whose failure no other explains.
func (n *names) rootCauses(d *page) {
	fails := n.of(keys.HealthCheckStatus, n.ofChecks(n.label(keys.HealthCheckState)+`!="healthy"`)...) + " == 1"
	muted := n.by("max", n.of(keys.HealthCheckMuted)+" == 1", instance, keys.HealthCheckName)
	labels := []string{instance, keys.HealthCheckName, keys.HealthCheckState, keys.HealthCheckCritical}
	d.WithPanel(list("Root causes", "Checks that fail while nothing that they depend on does: begin here. Those that another failure explains are muted.", "none",
		rows(n.by("max", fails, labels...)+" unless on ("+n.labelOrOwn(instance)+", "+n.label(keys.HealthCheckName)+") "+muted),
		heading{column: n.label(keys.HealthCheckName), title: "Check"},
		heading{column: n.label(keys.HealthCheckState), title: "State"},
		heading{column: n.label(keys.HealthCheckCritical), title: "Critical"},
		heading{column: instance, title: "Instance"},
		heading{column: "Value"},
	).Height(6).NoValue("Nothing fails.").DataLinks(links(
		tracesOf("Traces of failed executions", "health.check.state=unhealthy"),
		logsOf("Changes in the log", ` | `+n.field(keys.HealthCheckState)+` != ""`))))
}

func (n *names) healthStates(d *page) {
	d.WithPanel(timeline("Checks", "One lane a check, the worst of all instances. Unknown means that no fresh result exists: not run yet, expired or hung.", states(),
		overTime(ask{expr: n.state(keys.HealthCheckStatus, keys.HealthCheckState, n.ofChecks(), keys.HealthCheckName), legend: n.legend(keys.HealthCheckName)})))
	changes := grown(n.of(keys.HealthCheckTransitions, n.ofChecks()...))
	d.WithPanel(columns("Changes of state", "By the state that came.",
		overTime(ask{expr: n.by("sum", changes, keys.HealthCheckName, keys.HealthCheckState), legend: n.legend(keys.HealthCheckName, keys.HealthCheckState)})).Span(half))
	healthy := "avg_over_time(" + n.of(keys.HealthCheckStatus, n.ofChecks(n.is(keys.HealthCheckState, "healthy"))...) + "[$__range])"
	d.WithPanel(bars("Share of the time that a check was healthy", "Over the time that is shown, the mean of all instances.", units.PercentUnit,
		now(ask{expr: n.by("avg", healthy, keys.HealthCheckName), legend: n.legend(keys.HealthCheckName)})).Max(1).
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
			Steps([]dashboard.Threshold{{Color: "red"}, from(0.99, "orange"), from(0.999, "green")})))
	d.WithPanel(timeline("Flapping", "Lanes of the checks that kept changing their state: these changes are counted, not told.",
		said(meaning{"0", "steady", "green"}, meaning{"1", "flapping", "orange"}),
		overTime(ask{expr: n.by("max", n.of(keys.HealthCheckFlapping, n.ofChecks()...), keys.HealthCheckName), legend: n.legend(keys.HealthCheckName)})).Span(half))
	d.WithPanel(timeline("Muted", "A failure that another explains, a pause or maintenance: nobody needs to be told.",
		said(meaning{"0", "heard", "green"}, meaning{"1", "muted", "blue"}),
		overTime(ask{expr: n.by("max", n.of(keys.HealthCheckMuted, n.ofChecks()...), keys.HealthCheckName), legend: n.legend(keys.HealthCheckName)})).Span(half))
}

func (n *names) healthExecutions(d *page) {
	ofCheck := links(tracesOf("Traces of this check", "health.check.name="+n.clicked(keys.HealthCheckName)))
	d.WithPanel(graph("Duration, 95th percentile", "Points are single executions that were traced: click on one for its trace.", units.Seconds,
		overTime(ask{expr: n.quantile("0.95", keys.HealthCheckDuration, n.ofChecks(), keys.HealthCheckName), legend: n.legend(keys.HealthCheckName), exemplars: true})).
		DataLinks(ofCheck))
	failures := grown(n.count(keys.HealthCheckDuration, n.ofChecks(n.label(errorType)+`!=""`)...))
	d.WithPanel(columns("Failed executions by class", "In each interval.",
		overTime(ask{expr: n.by("sum", failures, keys.HealthCheckName, errorType), legend: n.legend(keys.HealthCheckName, errorType)})).
		DataLinks(ofCheck).NoValue("none"))
	since := func(key string) string {
		return n.by("max", "time() - "+n.of(key, n.ofChecks()...), instance, keys.HealthCheckName)
	}
	d.WithPanel(list("Since the last execution", "A check that no longer runs shows here first.", units.Seconds,
		rows(since(keys.HealthCheckLastCompletion), since(keys.HealthCheckLastSuccess)),
		heading{column: n.label(keys.HealthCheckName), title: "Check"},
		heading{column: instance, title: "Instance"},
		heading{column: value(0), title: "Since it ended", unit: units.Seconds},
		heading{column: value(1), title: "Since it ended healthy", unit: units.Seconds},
	).Span(third))
}

func (n *names) healthTold(d *page) {
	d.WithPanel(columns("Notifications", "Attempts to tell a receiver of alerts, with the class of those that failed.",
		overTime(ask{
			expr:   n.by("sum", grown(n.of(keys.HealthNotifications)), keys.HealthNotificationReceiver, errorType),
			legend: n.legend(keys.HealthNotificationReceiver, errorType),
		})).NoValue("none"))
	d.WithPanel(graph("Notifications that wait", "Alerts that a receiver has not been told of yet.", units.Short,
		overTime(ask{expr: n.by("sum", n.of(keys.HealthNotificationQueueSize), keys.HealthNotificationReceiver), legend: n.legend(keys.HealthNotificationReceiver)})).
		NoValue("none"))
	d.WithPanel(list("Alerts", "What the rules of Prometheus find, pending until it has lasted, then firing.", "none",
		rows(`max by (alertname, severity, alertstate) (ALERTS{job="$service"})`),
		heading{column: "alertname", title: "Alert"},
		heading{column: "severity", title: "Severity"},
		heading{column: "alertstate", title: "State"},
		heading{column: "Value"},
	).Span(third).NoValue("Nothing is wrong."))
	d.WithPanel(records("What happened", "Each change of state with its reason. A record's details lead to the trace of the execution.",
		` | `+n.field(keys.HealthCheckName)+` =~ "${check:pipe}" | `+n.field(keys.HealthCheckState)+` != ""`).Span(half))
	d.WithPanel(traces("Failed executions", "Traces of checks that were unhealthy; the id leads to the trace.", found("", "health.check.state=unhealthy")).Span(half))
}
