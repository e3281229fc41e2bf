package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

type dashboard struct {
	UID, Title string
	Panels     []panel
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

type panel struct {
	ID          int
	Title, Type string
	GridPos     struct{ X, Y, W, H int }
	DataSource  dataSourceRef
	Targets     []struct {
		DataSource dataSourceRef
		Expr       string
	}
}

type dataSourceRef struct{ Type, UID string }

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

func TestDashboardLayout(t *testing.T) {
	for _, name := range dashboardFiles(t) {
		d := loadDashboard(t, name)
		if d.UID == "" || d.Title == "" || len(d.Panels) == 0 {
			t.Errorf("%s: no uid, title or panels", name)
		}
		ids := make(map[int]bool)
		cells := make(map[[2]int]string)
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: two panels have the id %d", name, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, taken := cells[[2]int{x, y}]; taken || x >= 24 {
						t.Fatalf("%s: %q lies over %q or beyond the 24 columns", name, p.Title, other)
					}
					cells[[2]int{x, y}] = p.Title
				}
			}
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("%s: %q asks for nothing", name, p.Title)
			}
			for _, target := range p.Targets {
				if ref := target.DataSource; ref.UID != "prometheus" && ref.UID != "jaeger" || ref.UID != ref.Type {
					t.Errorf("%s: %q asks the unknown data source %+v", name, p.Title, ref)
				}
			}
		}
	}
}

// TestDashboardQueries parses every query as Prometheus does. Whether its names
// are real is for the tests that have telemetry.
func TestDashboardQueries(t *testing.T) {
	for _, name := range dashboardFiles(t) {
		if len(queries(loadDashboard(t, name))) == 0 {
			t.Errorf("%s has no queries", name)
		}
		for _, q := range queries(loadDashboard(t, name)) {
			if used := metricNames(t, q.expr); len(used) == 0 {
				t.Errorf("%s: %q names no metric: %s", name, q.panel, q.expr)
			}
		}
	}
}

type query struct{ panel, expr string }

// queries are all of a dashboard's, those of its variables included, with the
// variables filled in.
func queries(d dashboard) []query {
	var all []query
	fill := strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h", "$job", "codesearch", "$instance", ".*")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			if target.DataSource.UID == "prometheus" {
				all = append(all, query{p.Title, fill.Replace(target.Expr)})
			}
		}
	}
	labelValues := regexp.MustCompile(`^label_values\((.*), *\w+\)$`)
	for _, v := range d.Templating.List {
		if m := labelValues.FindStringSubmatch(v.Definition); m != nil {
			all = append(all, query{"variable " + v.Name, fill.Replace(m[1])})
		}
	}
	return all
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
