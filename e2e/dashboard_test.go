package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// dashboard is what of a dashboard asks something, read as Grafana does.
type dashboard struct {
	UID, Title string
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type, Definition, Regex string }
	}
	Annotations struct {
		List []struct {
			Name   string
			Target target
		}
	}
}

type panel struct {
	Type, Title string
	Targets     []target
	FieldConfig struct {
		Defaults struct {
			Links []struct{ Title, URL string }
		}
	}
}

// target is a question, in the words of the data source that it is for.
type target struct {
	RefID, QueryType          string
	DataSource                struct{ Type, UID string }
	Expr                      string // of Prometheus and Loki
	Instant, Exemplar         bool
	Service, Operation, Tags  string // of Jaeger
	Limit                     int
	MinDuration, LegendFormat string
}

func loadDashboard(t *testing.T, name string) dashboard {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// question is a target and where it stands.
type question struct {
	target

	where string
	panel string // its type, empty for an annotation
}

// questions are all that the dashboards ask, but for their variables.
func questions(t *testing.T) (all []question) {
	t.Helper()
	for _, file := range dashboardFiles(t) {
		d, name := loadDashboard(t, file), strings.TrimSuffix(filepath.Base(file), ".json")
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				all = append(all, question{target, fmt.Sprintf("%s/%s/%s", name, p.Title, target.RefID), p.Type})
			}
		}
		for _, a := range d.Annotations.List {
			all = append(all, question{a.Target, fmt.Sprintf("%s/annotation/%s", name, a.Name), ""})
		}
	}
	return all
}

// variables are the values of a dashboard's, and of Grafana's own.
type variables map[string]string

// of are those of a service, as Prometheus calls it, with all of everything else.
func of(service string) variables {
	return variables{
		"service": service, "name": path.Base(service), "instance": ".*", "check": ".*", "operation": ".*", "destination": ".*", "history": "7d",
		"__interval": "60s", "__rate_interval": "240s", "__range": "1800s",
	}
}

var variable = regexp.MustCompile(`\$\{?([a-z_]+)(?::[a-z]+)?\}?`)

// fill puts the values in.
func (v variables) fill(t *testing.T, text string) string {
	t.Helper()
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := v[variable.FindStringSubmatch(name)[1]]
		if !ok {
			t.Errorf("%s has no value", name)
		}
		return value
	})
}

func (v variables) fillAll(t *testing.T, q question) question {
	t.Helper()
	q.Expr, q.Service, q.Operation, q.Tags = v.fill(t, q.Expr), v.fill(t, q.Service), v.fill(t, q.Operation), v.fill(t, q.Tags)
	return q
}

// TestDashboardQueries parses every query of Prometheus as Prometheus does. What
// they show is for the tests that have telemetry.
func TestDashboardQueries(t *testing.T) {
	for _, q := range questions(t) {
		if q.DataSource.Type != "prometheus" {
			continue
		}
		if used := metricNames(t, of(codesearch).fill(t, q.Expr)); len(used) == 0 {
			t.Errorf("%s names no metric: %s", q.where, q.Expr)
		}
	}
}

// metricNames are the names that an expression selects.
func metricNames(t *testing.T, expr string) []string {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	var names []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			for _, m := range v.LabelMatchers {
				if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
					names = append(names, m.Value)
				}
			}
		}
		return nil
	})
	return names
}
