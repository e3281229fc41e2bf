package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// overview is what one looks at first: is it up, busy, failing, slow, and what of.
func overview(n *names) *page {
	d := n.frame("Service overview", overviewUID, "Traffic, errors and latency of a service, what it asks of others, and its runtime.")
	d.WithRow(dashboard.NewRowBuilder("Now"))
	n.overviewFigures(d)
	d.WithRow(dashboard.NewRowBuilder("Requests"))
	n.overviewRequests(d)
	d.WithRow(dashboard.NewRowBuilder("Operations and calls to others"))
	n.overviewOperations(d)
	d.WithRow(dashboard.NewRowBuilder("Go runtime and process"))
	n.overviewRuntime(d)
	d.WithRow(dashboard.NewRowBuilder("Spans"))
	overviewSpans(d)
	d.WithRow(dashboard.NewRowBuilder("Traces and logs"))
	d.WithPanel(traces("Failed requests and operations", "The newest traces with an error in them; the id leads to the trace.", found("", "error=true")))
	d.WithPanel(records("Warnings and errors", "Of the service itself. A record's details lead to its trace.", ` | severity_number >= 13`))
	return d
}

// failed are answers that are the service's own fault.
func (n *names) failed() string { return n.like(httpStatus, "5..") }

func (n *names) overviewFigures(d *page) {
	d.WithPanel(figure("Health", "The worst that any instance says of itself, over all of its checks.", "none",
		now(ask{expr: n.state(keys.HealthStatus, keys.HealthState, nil)})).Mappings(states()).DataLinks(links(board("Checks", healthUID))))
	d.WithPanel(figure("Requests", "Requests answered per second.", units.RequestsPerSecond, overTime(ask{expr: n.by("sum", rate(n.count(httpServerDuration)))})))
	d.WithPanel(figure("Failed requests", "The share that is answered with 5xx.", units.PercentUnit,
		overTime(ask{expr: ofWhich(n.by("sum", grown(n.count(httpServerDuration, n.failed()))), n.by("sum", grown(n.count(httpServerDuration))))})).
		Thresholds(limits(from(0.001, "orange"), from(0.01, "red"))).
		DataLinks(links(tracesOf("Failed traces", "error=true"), logsOf("Errors in the log", ` | severity_number >= 17`))))
	d.WithPanel(figure("Duration, 95th percentile", "One request of twenty takes longer.", units.Seconds,
		overTime(ask{expr: n.quantile("0.95", httpServerDuration, nil)})).
		Thresholds(limits(from(0.5, "orange"), from(2, "red"))))
}

func (n *names) overviewRequests(d *page) {
	route := n.legend(httpRoute)
	requests := n.by("sum", rate(n.count(httpServerDuration)), httpRoute)
	ofRoute := links(tracesOf("Traces of this route", "http.route="+n.clicked(httpRoute)))
	d.WithPanel(graph("Requests by route", "Per second. Click on a line for traces of the route.", units.RequestsPerSecond,
		overTime(ask{expr: requests, legend: route})).DataLinks(ofRoute))
	d.WithPanel(graph("Failed requests by route", "The share that is answered with 5xx.", units.PercentUnit,
		overTime(ask{
			expr:   ofWhich(n.by("sum", grown(n.count(httpServerDuration, n.failed())), httpRoute), n.by("sum", grown(n.count(httpServerDuration)), httpRoute)),
			legend: route,
		})).
		DataLinks(links(tracesOf("Failed traces of this route", "error=true http.route="+n.clicked(httpRoute)))))
	d.WithPanel(graph("Duration by route, 95th percentile", "Points are single requests: click on one for its trace.", units.Seconds,
		overTime(ask{expr: n.quantile("0.95", httpServerDuration, nil, httpRoute), legend: route, exemplars: true})).DataLinks(ofRoute))
}

func (n *names) overviewOperations(d *page) {
	name := n.legend(keys.OperationName)
	d.WithPanel(graph("Duration of operations, 95th percentile", "Of what was begun with otelmon.Begin. Points are single operations: click on one for its trace.", units.Seconds,
		overTime(ask{expr: n.quantile("0.95", keys.OperationDuration, nil, keys.OperationName), legend: name, exemplars: true})))
	d.WithPanel(columns("Failed operations by class", "In each interval, of what was begun with otelmon.Begin.",
		overTime(ask{
			expr:   n.by("sum", grown(n.count(keys.OperationDuration, n.label(errorType)+`!=""`)), keys.OperationName, errorType),
			legend: n.legend(keys.OperationName, errorType),
		})).DataLinks(links(tracesOf("Failed traces", "error=true"))).NoValue("none"))
	d.WithPanel(graph("Calls to others, 95th percentile", "Duration of the HTTP requests that the service sends, by who answers.", units.Seconds,
		overTime(ask{expr: n.quantile("0.95", httpClientDuration, nil, serverAddress), legend: n.legend(serverAddress), exemplars: true})))
}

func (n *names) overviewRuntime(d *page) {
	d.WithPanel(graph("CPU", "Processors in use, and how many the runtime takes at most.", units.Short, overTime(
		ask{expr: n.by("sum", rate(n.of(processCPU)), processCPUMode), legend: n.legend(processCPUMode)},
		ask{expr: n.by("sum", n.of(goProcessors)), legend: "GOMAXPROCS"},
	)).Span(half))
	d.WithPanel(graph("Memory", "What the runtime uses, the heap at which it collects next, and what the system counts (Linux).", units.BytesIEC, overTime(
		ask{expr: n.by("sum", n.of(goMemoryUsed), goMemoryType), legend: n.legend(goMemoryType)},
		ask{expr: n.by("sum", n.of(goMemoryGoal)), legend: "next collection"},
		ask{expr: n.by("sum", n.of(processResident)), legend: "resident"},
	)).Span(half))
	d.WithPanel(graph("Goroutines", "Of the eight instances that have most. A line that only rises is a leak.", units.Short,
		overTime(ask{expr: "topk(8, " + n.by("sum", n.of(goGoroutines), instance) + ")", legend: n.legend(instance)})).Span(half))
	d.WithPanel(graph("Waits, 99th percentile", "Runnable goroutines for a processor, which is the first sign of too little CPU, and all of them for the garbage collector.", units.Seconds, overTime(
		ask{expr: n.quantile("0.99", goScheduleTime, nil), legend: "for a processor"},
		ask{expr: n.quantile("0.99", goPauseTime, nil), legend: "for the collector"},
	)).Span(half))
}
