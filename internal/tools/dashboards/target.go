package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// The types of the data sources, and the variables that choose one of each.
const (
	metricSource = "prometheus"
	traceSource  = "jaeger"
	logSource    = "loki"
)

func source(kind string) common.DataSourceRef {
	variable := map[string]string{metricSource: "${metrics}", traceSource: "${traces}", logSource: "${logs}"}[kind]
	return common.DataSourceRef{Type: &kind, Uid: &variable}
}

type targets []cog.Builder[variants.Dataquery]

// ask is a question to Prometheus.
type ask struct {
	expr, legend string
	exemplars    bool // with points that lead to traces
}

// overTime asks for lines.
func overTime(asks ...ask) (all targets) {
	for i, a := range asks {
		q := prometheus.NewDataqueryBuilder().Datasource(source(metricSource)).RefId(ref(i)).Expr(a.expr).Range()
		if a.legend != "" {
			q.LegendFormat(a.legend)
		}
		if a.exemplars {
			q.Exemplar(true)
		}
		all = append(all, q)
	}
	return all
}

// now asks for the newest values.
func now(asks ...ask) (all targets) {
	for i, a := range asks {
		all = append(all, prometheus.NewDataqueryBuilder().Datasource(source(metricSource)).RefId(ref(i)).
			Expr(a.expr).LegendFormat(a.legend).Instant())
	}
	return all
}

// rows asks for the newest values, as rows of a table.
func rows(exprs ...string) (all targets) {
	for i, expr := range exprs {
		all = append(all, prometheus.NewDataqueryBuilder().Datasource(source(metricSource)).RefId(ref(i)).
			Expr(expr).Instant().Format(prometheus.PromQueryFormatTable))
	}
	return all
}

func ref(i int) string { return string(rune('A' + i)) }

// lines asks Loki for log records of the service.
func lines(filter string) targets {
	return targets{loki.NewDataqueryBuilder().Datasource(source(logSource)).RefId("A").QueryType("range").
		Expr(serviceLogs + filter).MaxLines(200)}
}

// found asks Jaeger for traces of the service. The library has no type for that.
func found(operation, tags string) targets {
	q := variants.UnknownDataquery{
		"refId": "A", "datasource": source(traceSource), "queryType": "search", "service": "${name}", "limit": 20,
	}
	if operation != "" {
		q["operation"] = operation
	}
	if tags != "" {
		q["tags"] = tags
	}
	return targets{variants.NewUnknownDataqueryBuilderFromObject(q)}
}
