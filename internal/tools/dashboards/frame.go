package main

import (
	"bytes"
	"encoding/json"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// The dashboards, as they name each other.
const (
	overviewUID = "otelmon-overview"
	healthUID   = "otelmon-health"
	bulkUID     = "otelmon-bulk"
	deliveryUID = "otelmon-delivery"

	tag = "otelmon"
)

// page is a dashboard that is being built, in the format of files.
type page = dashboard.DashboardBuilder //nolint:staticcheck // the newer format is not read from files by every Grafana

// frame is a dashboard with all that is the same in each, without panels.
func (n *names) frame(title, uid, about string) *page {
	d := dashboard.NewDashboardBuilder(title). //nolint:staticcheck // see page
							Uid(uid).Description(about).Tags([]string{tag}).Readonly().
							Refresh("15s").Time("now-30m", "now").Tooltip(dashboard.DashboardCursorSyncCrosshair)
	return d.
		WithVariable(sourceVariable("metrics", metricSource)).
		WithVariable(sourceVariable("traces", traceSource)).
		WithVariable(sourceVariable("logs", logSource)).
		WithVariable(n.variable("service", "Service", `label_values(`+n.metric(processUptime)+`, job)`)).
		WithVariable(n.variable("instance", "Instance", `label_values(`+n.metric(processUptime)+`{job="$service"}, instance)`).
			Multi(true).IncludeAll(true).AllValue(".*").Current(everything())).
		WithVariable(n.variable("name", "", `label_values(`+n.metric(processUptime)+`{job="$service"}, job)`).
			Regex(`/(?:.*\/)?(.+)/`).Hide(dashboard.VariableHideHideVariable).
			Description("The service without its namespace, as Jaeger and Loki call it.")).
		Annotation(n.unhealthyTimes()).
		Link(siblings{})
}

// sourceVariable chooses a data source; the first of the kind is the default.
func sourceVariable(name, kind string) *dashboard.DatasourceVariableBuilder {
	return dashboard.NewDatasourceVariableBuilder(name).Type(kind).Hide(dashboard.VariableHideInControlsMenu)
}

func (n *names) variable(name, label, query string) *dashboard.QueryVariableBuilder {
	v := dashboard.NewQueryVariableBuilder(name).Datasource(source(metricSource)).
		Query(dashboard.StringOrMap{Map: map[string]any{"qryType": 5, "query": query, "refId": "variable"}}).
		Definition(query).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
	if label != "" {
		v.Label(label)
	}
	return v
}

// chosen is a variable of the values that an attribute of a metric has.
func (n *names) chosen(name, label, key, attribute string) *dashboard.QueryVariableBuilder {
	return n.variable(name, label, `label_values(`+n.of(key)+`, `+n.label(attribute)+`)`).
		Multi(true).IncludeAll(true).AllValue(".*").Current(everything())
}

func everything() dashboard.VariableOption {
	return dashboard.VariableOption{
		Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
		Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	}
}

// siblings are links to the other dashboards, with the service and the time.
type siblings struct{}

// Build is what Grafana's library asks of everything that becomes JSON.
func (siblings) Build() (dashboard.DashboardLink, error) {
	return dashboard.DashboardLink{
		Title: "otelmon", Type: dashboard.DashboardLinkTypeDashboards, Tags: []string{tag}, IncludeVars: true, KeepTime: true,
	}, nil
}

// encode finishes the dashboard with numbers for its panels.
func encode(p *page) ([]byte, error) {
	d, err := p.Build()
	if err != nil {
		return nil, err
	}
	for i, p := range d.Panels {
		id := uint32(i + 1)
		if p.RowPanel != nil {
			p.RowPanel.Id = id
		} else {
			p.Panel.Id = &id
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(d)
	return b.Bytes(), err
}

// unhealthyTimes mark in every graph when the service was not healthy.
func (n *names) unhealthyTimes() *dashboard.AnnotationQueryBuilder {
	expr := n.by("max", n.of(keys.HealthStatus, n.like(keys.HealthState, "degraded|unhealthy"))+" == 1", keys.HealthState)
	return dashboard.NewAnnotationQueryBuilder().Name("Not healthy").Datasource(source(metricSource)).
		Enable(true).IconColor("orange").Expr(expr).TitleFormat("The service is {{" + n.label(keys.HealthState) + "}}").Step("15s").
		Target(overTime(ask{expr: expr})[0])
}
