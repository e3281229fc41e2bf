package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// The columns and lines of the grid that panels take. On a screen of 1280 pixels
// a third is some 410 wide, which is enough for a graph with its legend below.
const (
	full    = 24
	half    = 12
	third   = 8
	quarter = 6

	low  = 4
	high = 8
)

// figure shows one number, with what it was.
func figure(title, about, unit string, t targets) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(title).Description(about).Unit(unit).Span(quarter).Height(low).
		Datasource(source(metricSource)).Targets(t).ColorMode(common.BigValueColorModeValue).
		GraphMode(common.BigValueGraphModeArea).ReduceOptions(newest())
}

// graph shows lines.
func graph(title, about, unit string, t targets) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().Title(title).Description(about).Unit(unit).Span(third).Height(high).
		Datasource(source(metricSource)).Targets(t).Min(0).FillOpacity(8).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// columns is a graph of how often something happened in each interval.
func columns(title, about string, t targets) *timeseries.PanelBuilder {
	return graph(title, about, units.Short, t).DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
}

// bars shows a length for each value there is now.
func bars(title, about, unit string, t targets) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().Title(title).Description(about).Unit(unit).Span(half).Height(high).
		Datasource(source(metricSource)).Targets(t).Min(0).Orientation(common.VizOrientationHorizontal).
		DisplayMode(common.BarGaugeDisplayModeBasic).ReduceOptions(newest())
}

// timeline shows a lane for each series.
func timeline(title, about string, mappings []dashboard.ValueMapping, t targets) *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().Title(title).Description(about).Unit("none").Span(full).Height(high).
		Datasource(source(metricSource)).Targets(t).Mappings(mappings).ShowValue(common.VisibilityModeAuto).
		MergeValues(true).FillOpacity(80).Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeHidden).Placement(common.LegendPlacementBottom))
}

// list shows the answers of several questions side by side: a row for each set of
// labels.
func list(title, about, unit string, t targets, headings ...heading) *table.PanelBuilder {
	p := rowsOf(title, about, unit).Datasource(source(metricSource)).Targets(t).
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
	hidden, names, order := map[string]bool{"Time": true}, map[string]string{}, map[string]int{}
	for i, h := range headings {
		if h.title == "" {
			hidden[h.column] = true
			continue
		}
		names[h.column], order[h.column] = h.title, i
		if h.unit != "" {
			p.OverrideByName(h.title, []dashboard.DynamicConfigValue{{Id: "unit", Value: h.unit}})
		}
	}
	return p.WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
		"excludeByName": hidden, "renameByName": names, "indexByName": order,
	}})
}

// heading is the title of a table's column and its unit, if that is another than the
// table's. A column without a title is not shown.
type heading struct{ column, title, unit string }

// value is the column of the answer to a table's question, by its place.
func value(question int) string { return fmt.Sprintf("Value #%s", ref(question)) }

// records shows log records, newest first.
func records(title, about, filter string) *logs.PanelBuilder {
	return logs.NewPanelBuilder().Title(title).Description(about).Unit("none").Span(full).Height(high).
		Datasource(source(logSource)).Targets(lines(filter)).ShowTime(true).WrapLogMessage(true).
		EnableLogDetails(true).SortOrder(common.LogsSortOrderDescending).DedupStrategy(common.LogsDedupStrategyNone)
}

// traces shows traces, each a link to it.
func traces(title, about string, t targets) *table.PanelBuilder {
	return rowsOf(title, about, "none").Datasource(source(traceSource)).Targets(t)
}

// rowsOf is an empty table. The schema wants a footer's functions to be said.
func rowsOf(title, about, unit string) *table.PanelBuilder {
	return table.NewPanelBuilder().Title(title).Description(about).Unit(unit).Span(full).Height(high).
		Footer(common.NewTableFooterOptionsBuilder().Show(false).Reducer([]string{}))
}

func newest() *common.ReduceDataOptionsBuilder {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})
}

// limits colour values from each threshold on; green is below the first.
func limits(steps ...dashboard.Threshold) *dashboard.ThresholdsConfigBuilder {
	all := append([]dashboard.Threshold{{Color: "green"}}, steps...)
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(all)
}

func from(value float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: &value, Color: color}
}

// links are what a value offers when it is clicked on.
func links(all ...link) (built []cog.Builder[dashboard.DashboardLink]) {
	for _, l := range all {
		built = append(built, l)
	}
	return built
}

// said maps values to texts and colours.
func said(texts ...meaning) []dashboard.ValueMapping {
	m := dashboard.NewValueMap()
	for i, t := range texts {
		place := int32(i)
		m.Options[t.value] = dashboard.ValueMappingResult{Text: &t.text, Color: &t.color, Index: &place}
	}
	return []dashboard.ValueMapping{{ValueMap: m}}
}

type meaning struct{ value, text, color string }
