package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// overviewSpans shows what the Collector of deploy/collector.yaml makes of spans. The
// names of these metrics are its own; job and instance are those of the spans.
func overviewSpans(d *page) {
	const own = `{job="$service",instance=~"$instance"}`
	spans := "sum by (le, span_name) (" + rate("traces_span_metrics_duration_seconds_bucket"+own) + ")"
	d.WithPanel(graph("Slowest spans, 95th percentile", "The eight slowest names, whatever they are of. Points are single spans: click on one for its trace.", units.Seconds,
		overTime(ask{expr: "topk(8, histogram_quantile(0.95, " + spans + "))", legend: "{{span_name}}", exemplars: true})).Span(half))
	between := func(metric string) string {
		return "(" + rate(metric+`{client="$name"}`) + " or " + rate(metric+`{server="$name"}`) + ")"
	}
	calls := func(metric string) string { return "sum by (client, server) (" + between(metric) + ")" }
	d.WithPanel(list("Who calls whom", "Calls from and to the service, out of the spans of both sides; databases are found by the spans of their clients.", units.Short,
		rows(
			calls("traces_service_graph_request_total"),
			calls("traces_service_graph_request_failed_total")+" or "+calls("traces_service_graph_request_total")+" * 0",
			"histogram_quantile(0.95, sum by (le, client, server) ("+between("traces_service_graph_request_client_seconds_bucket")+"))",
		),
		heading{column: "client", title: "From"},
		heading{column: "server", title: "To"},
		heading{column: value(0), title: "Per second"},
		heading{column: value(1), title: "Failed per second"},
		heading{column: value(2), title: "95th percentile", unit: units.Seconds},
	).Span(half))
}
