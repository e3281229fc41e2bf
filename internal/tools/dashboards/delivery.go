package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// delivery is whether the telemetry arrives that the other dashboards show.
func delivery(n *names) *page {
	d := n.frame("Telemetry delivery", deliveryUID, "The ledger of what was created, delivered, waits and was lost, and what the Collector did with it.").
		WithVariable(n.chosen("destination", "Destination", keys.TelemetryCreated, keys.TelemetryDestination))
	d.WithRow(dashboard.NewRowBuilder("Now"))
	n.deliveryFigures(d)
	n.ledger(d)
	d.WithRow(dashboard.NewRowBuilder("Over time"))
	n.deliveryFlow(d)
	n.deliveryWaits(d)
	d.WithRow(dashboard.NewRowBuilder("The Collector"))
	collector(d)
	return d
}

// to selects series of the dashboard's destinations.
func (n *names) to(key string) string {
	return n.of(key, n.label(keys.TelemetryDestination)+`=~"$destination"`)
}

func (n *names) deliveryFigures(d *page) {
	d.WithPanel(figure("Lost", "Items that will never arrive, since their processes began or as their directories tell. The table below says why.", units.Short,
		now(ask{expr: "(" + n.by("sum", n.to(keys.TelemetryDropped)) + ") or " + n.by("sum", n.to(keys.TelemetryCreated)) + " * 0"})).
		Thresholds(limits(from(1, "red"))))
	d.WithPanel(figure("Items that wait", "Items neither delivered nor lost.", units.Short,
		overTime(ask{expr: n.by("sum", n.to(keys.TelemetryPending))})))
	d.WithPanel(figure("Oldest that waits", "Minutes mean that the backend does not take it.", units.DurationSeconds,
		overTime(ask{expr: n.by("max", n.to(keys.TelemetryPendingAge)) + " or " + n.by("max", n.to(keys.TelemetryPending)) + " * 0"})).
		Thresholds(limits(from(60, "orange"), from(600, "red"))))
	d.WithPanel(figure("Where it waits", "How many processes keep it there. With a directory, memory means that its disk fails.", "none",
		now(ask{expr: n.by("count", n.of(keys.TelemetryStoreActive)+" == 1", keys.TelemetryStore), legend: n.legend(keys.TelemetryStore)})).TextMode("value_and_name"))
}

// ledger shows each account, and that it adds up.
func (n *names) ledger(d *page) {
	of := func(key string) string {
		return n.by("sum", n.to(key), keys.TelemetryDestination, keys.TelemetrySignal)
	}
	created := of(keys.TelemetryCreated)
	lost := "(" + of(keys.TelemetryDropped) + " or " + created + " * 0)"
	d.WithPanel(list("Ledger", "Of each destination and signal: created = delivered + waiting + lost, so that nothing is unaccounted for.", units.Short,
		rows(created, of(keys.TelemetryDelivered), of(keys.TelemetryPending), lost,
			strings.Join([]string{created, of(keys.TelemetryDelivered), of(keys.TelemetryPending), lost}, " - ")),
		heading{column: n.label(keys.TelemetryDestination), title: "Destination"},
		heading{column: n.label(keys.TelemetrySignal), title: "Signal"},
		heading{column: value(0), title: "Created"},
		heading{column: value(1), title: "Delivered"},
		heading{column: value(2), title: "Waiting"},
		heading{column: value(3), title: "Lost"},
		heading{column: value(4), title: "Unaccounted"},
	).Height(6))
}

func (n *names) deliveryFlow(d *page) {
	flow := func(key string) targets {
		return overTime(ask{
			expr:   n.by("sum", rate(n.to(key)), keys.TelemetryDestination, keys.TelemetrySignal),
			legend: n.legend(keys.TelemetryDestination, keys.TelemetrySignal),
		})
	}
	d.WithPanel(graph("Created", "Spans, data points and log records per second.", "suffix: items/s", flow(keys.TelemetryCreated)))
	d.WithPanel(graph("Delivered", "What the backend has taken, per second.", "suffix: items/s", flow(keys.TelemetryDelivered)))
	d.WithPanel(graph("Lost by reason", "Added up, as a single loss matters.", units.Short,
		overTime(ask{
			expr:   n.by("sum", n.to(keys.TelemetryDropped), keys.TelemetryDestination, keys.TelemetrySignal, keys.TelemetryDropReason) + " > 0",
			legend: n.legend(keys.TelemetryDestination, keys.TelemetrySignal, keys.TelemetryDropReason),
		})).NoValue("nothing").DataLinks(links(logsOf("What was told meanwhile", ` | severity_number >= 13`))))
}

func (n *names) deliveryWaits(d *page) {
	account := n.legend(keys.TelemetryDestination, keys.TelemetrySignal)
	d.WithPanel(graph("Waiting", "Items neither delivered nor lost.", units.Short,
		overTime(ask{expr: n.by("sum", n.to(keys.TelemetryPending), keys.TelemetryDestination, keys.TelemetrySignal), legend: account})))
	d.WithPanel(graph("Size of what waits", "Encoded, in memory or on the disk: the spool.", units.BytesIEC,
		overTime(ask{
			expr:   n.by("sum", n.to(keys.TelemetryPendingSize), keys.TelemetryDestination, keys.TelemetrySignal, keys.TelemetryStore),
			legend: n.legend(keys.TelemetryDestination, keys.TelemetrySignal, keys.TelemetryStore),
		})))
	d.WithPanel(graph("Age of the oldest", "How long it has waited.", units.DurationSeconds,
		overTime(ask{expr: n.by("max", n.to(keys.TelemetryPendingAge), keys.TelemetryDestination, keys.TelemetrySignal), legend: account})))
	d.WithPanel(columns("Callbacks that did not do", "Of a meter: what they would have observed is missing. In each interval.",
		overTime(ask{expr: n.by("sum", grown(n.of(keys.CallbackFaults)), keys.CallbackScope, errorType), legend: n.legend(keys.CallbackScope, errorType)})).
		Span(full).Height(6).NoValue("none"))
}

// collector shows what the Collector of deploy/collector.yaml tells of itself. The
// names are its own; it calls itself otelcol.
func collector(d *page) {
	d.WithPanel(graph("Taken", "Items per second, of all services.", "suffix: items/s", overTime(
		ofCollector("receiver_accepted", func(selector, signal string) ask {
			return ask{expr: "sum by (receiver) (" + rate(selector) + ")", legend: "{{receiver}} " + signal}
		})...)))
	refused := ofCollector("receiver_refused", func(selector, signal string) ask {
		return ask{expr: "sum by (receiver) (" + grown(selector) + ")", legend: "{{receiver}} refused " + signal}
	})
	failed := ofCollector("exporter_send_failed", func(selector, signal string) ask {
		return ask{expr: "sum by (exporter) (" + grown(selector) + ")", legend: "{{exporter}} lost " + signal}
	})
	d.WithPanel(columns("Refused and lost", "Items in each interval that the Collector refused, which their senders keep, and that it took but lost, as a backend did not take them.",
		overTime(append(refused, failed...)...)).NoValue("none"))
	d.WithPanel(graph("Queues against their size", "What waits for a backend, as a share of what may.", units.PercentUnit, overTime(ask{
		expr:   `max by (exporter, data_type) (otelcol_exporter_queue_size{job="otelcol"} / otelcol_exporter_queue_capacity{job="otelcol"})`,
		legend: "{{exporter}} {{data_type}}",
	})).Max(1))
}

// ofCollector asks about each signal's counter.
func ofCollector(metric string, about func(selector, signal string) ask) (all []ask) {
	for _, items := range []string{"spans", "metric_points", "log_records"} {
		all = append(all, about("otelcol_"+metric+"_"+items+`_total{job="otelcol"}`, strings.ReplaceAll(items, "_", " ")))
	}
	return all
}
