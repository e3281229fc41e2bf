package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// operations are bulk operations, those that run and those that ran.
func operations(n *names) *page {
	d := n.frame("Bulk operations", bulkUID, "Progress, speed and limits of bulk operations while they run, what fails, and how earlier runs went.").
		WithVariable(n.chosen("operation", "Operation", keys.BulkItems, keys.BulkOperationName)).
		WithVariable(history())
	d.WithRow(dashboard.NewRowBuilder("Running now"))
	n.bulkProgress(d)
	n.bulkSpeed(d)
	d.WithRow(dashboard.NewRowBuilder("What limits it"))
	n.bulkLimits(d)
	d.WithRow(dashboard.NewRowBuilder("What fails"))
	n.bulkFailures(d)
	d.WithRow(dashboard.NewRowBuilder("Against earlier runs"))
	n.bulkHistory(d)
	d.WithRow(dashboard.NewRowBuilder("Traces and logs"))
	d.WithPanel(traces("Operations", "Each has a trace from its first second on; the id leads to it.", found("bulk.started", "")).Span(half))
	d.WithPanel(records("What happened", "Starts, progress, stalls, decisions on workers and batches, first failures of each class, ends. A record's details lead to its trace.",
		n.recordsOf()).Span(half))
	return d
}

func (n *names) recordsOf() string {
	return ` | ` + n.field(keys.BulkOperationName) + ` =~ "${operation:pipe}"`
}

// history chooses how far back earlier runs are looked for.
func history() *dashboard.IntervalVariableBuilder {
	days, week := "1d,7d,30d", "7d"
	chosen := dashboard.StringOrArrayOfString{String: &week}
	return dashboard.NewIntervalVariableBuilder("history").Label("Earlier runs").
		Values(dashboard.StringOrMap{String: &days}).Current(dashboard.VariableOption{Text: chosen, Value: chosen})
}

// ofOperation selects series of the dashboard's operations.
func (n *names) ofOperation(key string, more ...string) string {
	return n.of(key, n.chosenOperation(more...)...)
}

func (n *names) chosenOperation(more ...string) []string {
	return append([]string{n.label(keys.BulkOperationName) + `=~"$operation"`}, more...)
}

// running leaves the operations that run: what one said last is kept for five
// minutes after its end, but for the number of those that run, which is then 0.
func (n *names) running(expr string) string {
	return n.by("max", expr, instance, keys.BulkOperationName) +
		" and on (" + instance + ", " + n.label(keys.BulkOperationName) + ") " + n.of(keys.BulkOperationActive) + " > 0"
}

// together is of all processes in which an operation runs.
func (n *names) together(operator, key string) string {
	return n.by(operator, n.running(n.ofOperation(key)), keys.BulkOperationName)
}

func (n *names) bulkProgress(d *page) {
	name := n.legend(keys.BulkOperationName)
	d.WithPanel(bars("Progress", "Operations that run and know their total.", units.PercentUnit,
		now(ask{expr: n.running(n.ofOperation(keys.BulkOperationProgress)), legend: name})).Max(1).Height(6).NoValue("Nothing runs.").
		DataLinks(links(logsOf("Its events", ` | `+n.field(keys.BulkOperationName)+`="`+n.clicked(keys.BulkOperationName)+`"`))))
	d.WithPanel(figure("Time left", "Estimated out of the past of the operation itself; absent while that says nothing.", units.DurationSeconds,
		now(ask{expr: n.running(n.ofOperation(keys.BulkOperationETA)), legend: name})).Height(6).NoValue("unknown"))
	d.WithPanel(figure("Since the last progress", "More than a minute is worth a look at the events below.", units.DurationSeconds,
		now(ask{expr: n.running(n.ofOperation(keys.BulkOperationIdleTime)), legend: name})).Height(6).NoValue("Nothing runs.").
		Thresholds(limits(from(10, "orange"), from(60, "red"))))
}

func (n *names) bulkSpeed(d *page) {
	name := n.legend(keys.BulkOperationName)
	d.WithPanel(graph("Throughput", "Items that are processed, without those skipped.", "suffix: items/s",
		overTime(ask{expr: n.together("sum", keys.BulkOperationThroughput), legend: name})))
	d.WithPanel(graph("Items by outcome", "Per second, also of operations too short to be seen running.", "suffix: items/s",
		overTime(ask{
			expr:   n.by("sum", rate(n.ofOperation(keys.BulkItems)), keys.BulkOperationName, keys.BulkItemOutcome),
			legend: n.legend(keys.BulkOperationName, keys.BulkItemOutcome),
		})))
	d.WithPanel(graph("Bytes", "Read or written per second, where the program counts them.", units.BytesPerSecondSI,
		overTime(ask{expr: n.by("sum", rate(n.ofOperation(keys.BulkIO)), keys.BulkOperationName), legend: name})))
}

func (n *names) bulkLimits(d *page) {
	d.WithPanel(graph("Stages", "Goroutines on average in each stage: busy, waiting for the stage before or for the next. The stage that is busy while the others wait is the narrow one.", units.Short,
		overTime(ask{
			expr:   n.by("sum", rate(n.ofOperation(keys.BulkStageTime)), keys.BulkOperationName, keys.BulkStageName, keys.BulkStageState),
			legend: n.legend(keys.BulkStageName, keys.BulkStageState),
		})).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)).FillOpacity(40))
	d.WithPanel(graph("Workers against their limit", "Those that are open, and how many bulk.Run allows itself at present.", units.Short, overTime(
		ask{expr: n.together("sum", keys.BulkConcurrencyUsage), legend: n.legend(keys.BulkOperationName) + " open"},
		ask{expr: n.together("sum", keys.BulkConcurrencyLimit), legend: n.legend(keys.BulkOperationName) + " limit"},
	)))
	d.WithPanel(graph("Size of batches, at most", "Items that bulk.Run puts into a batch.", units.Short,
		overTime(ask{expr: n.together("max", keys.BulkBatchLimit), legend: n.legend(keys.BulkOperationName)})))
}

func (n *names) bulkFailures(d *page) {
	name := n.legend(keys.BulkOperationName)
	failed := grown(n.ofOperation(keys.BulkItems, n.is(keys.BulkItemOutcome, "failed")))
	d.WithPanel(graph("Failed items", "Their share of all items, in each interval.", units.PercentUnit,
		overTime(ask{
			expr:   ofWhich(n.by("sum", failed, keys.BulkOperationName), n.by("sum", grown(n.ofOperation(keys.BulkItems)), keys.BulkOperationName)),
			legend: name,
		})).DataLinks(links(
		tracesOf("Failed operations", "error=true"),
		logsOf("The first failures of each class", ` | `+n.field(keys.BulkOperationName)+`="`+n.clicked(keys.BulkOperationName)+`" | `+n.field(errorType)+` != ""`))).Span(half))
	d.WithPanel(columns("Failed items by class", "All of them, by the type of their errors, in each interval.",
		overTime(ask{
			expr:   n.by("sum", grown(n.ofOperation(keys.BulkItemFailures)), keys.BulkOperationName, errorType),
			legend: n.legend(keys.BulkOperationName, errorType),
		})).NoValue("none").Span(half).DataLinks(links(
		logsOf("What the first of them say", ` | `+n.field(keys.BulkOperationName)+`="`+n.clicked(keys.BulkOperationName)+`" | `+n.field(errorType)+`="`+n.clicked(errorType)+`"`))))
	d.WithPanel(columns("Retries by class of failure", "Attempts that failed and were made again, in each interval.",
		overTime(ask{
			expr:   n.by("sum", grown(n.ofOperation(keys.BulkItemRetries)), keys.BulkOperationName, errorType),
			legend: n.legend(keys.BulkOperationName, errorType),
		})).NoValue("none").Span(half))
	d.WithPanel(columns("Batches refused as too much", "By the backend, in each interval. bulk.Run then slows down.",
		overTime(ask{expr: n.by("sum", grown(n.ofOperation(keys.BulkThrottles)), keys.BulkOperationName), legend: name})).NoValue("none").Span(half))
	d.WithPanel(records("First failures of each class", "With the class in error_type and the position in the source. A record's details lead to the trace.",
		n.recordsOf()+` | `+n.field(errorType)+` != ""`))
}

func (n *names) bulkHistory(d *page) {
	last := func(selector string) string { return "last_over_time(" + selector + "[$history])" }
	of := func(expr string) string { return n.by("sum", expr, keys.BulkOperationName, instance) }
	ended := of(last(n.count(keys.BulkOperationDuration, n.chosenOperation()...)))
	took := of(last(n.total(keys.BulkOperationDuration, n.chosenOperation()...)))
	items := of(last(n.ofOperation(keys.BulkItems, n.label(keys.BulkItemOutcome)+`!="skipped"`)))
	running := n.by("sum", n.of(keys.BulkOperationActive, n.chosenOperation()...), keys.BulkOperationName, instance)
	d.WithPanel(list("Runs of each process", "Of every process in the time chosen above, with means where it ran the operation more than once.", "none",
		rows(
			ended,
			of(last(n.count(keys.BulkOperationDuration, n.chosenOperation(n.label(keys.BulkOperationResult)+`!="completed"`)...)))+" or "+ended+" * 0",
			took+" / "+ended,
			"("+items+" unless "+running+" > 0) / "+took,
			of(last(n.ofOperation(keys.BulkItems, n.is(keys.BulkItemOutcome, "failed"))))+" or "+ended+" * 0",
		),
		heading{column: n.label(keys.BulkOperationName), title: "Operation"},
		heading{column: instance, title: "Process"},
		heading{column: value(0), title: "Runs", unit: units.Short},
		heading{column: value(1), title: "Not completed", unit: units.Short},
		heading{column: value(2), title: "Duration", unit: units.DurationSeconds},
		heading{column: value(3), title: "Items per second", unit: units.Short},
		heading{column: value(4), title: "Failed items", unit: units.Short},
	).Span(half))
	name := n.legend(keys.BulkOperationName)
	usual := "avg_over_time(" + n.ofOperation(keys.BulkOperationThroughput) + "[$history] @ end())"
	d.WithPanel(graph("Throughput against the usual", "Of one process, and the mean of all in the time chosen above while they ran.", "suffix: items/s", overTime(
		ask{expr: n.together("avg", keys.BulkOperationThroughput), legend: name},
		ask{expr: n.by("avg", usual, keys.BulkOperationName), legend: name + " usual"},
	)).Span(half))
}
