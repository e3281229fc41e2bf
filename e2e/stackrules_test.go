package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const stackRuleTests = "../deploy/rules_test.yaml"

var amtool = backend{names: []string{"amtool"}, from: debian("prometheus-alertmanager")}

type ruleFile struct {
	Groups []struct {
		Name, Interval string
		Rules          []stackRule
	}
}

type stackRule struct {
	Record, Alert, Expr, For string
	KeepFiringFor            string `yaml:"keep_firing_for"`
	Labels, Annotations      map[string]string
}

// alertID tells the rules of one name apart.
type alertID struct{ name, severity string }

// alerts are the rules of the stack that alert, all of them those that record, too.
func loadStackRules(t *testing.T) (all []stackRule, alerts map[alertID]stackRule) {
	t.Helper()
	var file ruleFile
	decode(t, stackRules, &file)
	alerts = make(map[alertID]stackRule)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			all = append(all, r)
			if id := (alertID{r.Alert, r.Labels["severity"]}); r.Alert != "" {
				if _, twice := alerts[id]; twice {
					t.Errorf("%v is there twice", id)
				}
				alerts[id] = r
			}
		}
	}
	return all, alerts
}

// TestStackAlertsAreExplained: who is woken is told what is wrong in which
// service, and where to read on.
func TestStackAlertsAreExplained(t *testing.T) {
	_, alerts := loadStackRules(t)
	page, err := os.ReadFile("../docs/runbooks/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	undocumented := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(page), -1) {
		undocumented[m[1]] = true
	}
	headings := maps.Clone(undocumented)
	for id, r := range alerts {
		if id.severity != "page" && id.severity != "ticket" || r.For == "" || r.For == "0s" {
			t.Errorf("%v: severity %q, for %q", id, id.severity, r.For)
		}
		if len(r.Annotations) != 3 || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%v: annotations %v", id, r.Annotations)
		}
		want := "https://github.com/otelmon/otelmon-go/blob/main/docs/runbooks/alerts.md#" + strings.ToLower(id.name)
		if r.Annotations["runbook_url"] != want || !headings[id.name] {
			t.Errorf("%v: runbook %q; want %q, and that heading", id, r.Annotations["runbook_url"], want)
		}
		delete(undocumented, id.name)
	}
	for name := range undocumented {
		t.Errorf("the runbook explains %s, which is no alert", name)
	}
}

// TestStackRulesNameWhatExists: docs/telemetry.md has every metric and every label
// that rules ask for, but those of the stack itself.
func TestStackRulesNameWhatExists(t *testing.T) {
	all, _ := loadStackRules(t)
	metrics, labels := documented(t)
	for _, l := range []string{"__name__", "job", "instance", "le", "exporter", "data_type", "rule_group", "integration"} {
		labels[l] = true
	}
	for _, r := range all {
		metrics[r.Record] = true
	}
	ours := regexp.MustCompile(`^(otelcol|prometheus|alertmanager)_`)
	for _, r := range all {
		for _, name := range metricNames(t, r.Expr) {
			if !metrics[name] && !ours.MatchString(name) {
				t.Errorf("%s%s asks for %s, which nothing sends", r.Record, r.Alert, name)
			}
		}
		for _, name := range labelNames(t, r.Expr) {
			if !labels[name] {
				t.Errorf("%s%s asks for the label %s, which nothing has", r.Record, r.Alert, name)
			}
		}
	}
}

// documented reads the metrics of docs/telemetry.md and their attributes, as
// Prometheus calls them.
func documented(t *testing.T) (metrics, labels map[string]bool) {
	t.Helper()
	text, err := os.ReadFile("../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics, labels = make(map[string]bool), make(map[string]bool)
	types := map[string]otlptranslator.MetricType{
		"histogram": otlptranslator.MetricTypeHistogram, "counter": otlptranslator.MetricTypeMonotonicCounter,
		"gauge": otlptranslator.MetricTypeGauge, "updowncounter": otlptranslator.MetricTypeNonMonotonicCounter,
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	code := regexp.MustCompile("`([^`]+)`")
	row := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| (histogram|counter|gauge|updowncounter) \\| (\\S*) *\\|([^|]*)\\|")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		name, err := namer.Build(otlptranslator.Metric{Name: m[1], Unit: m[3], Type: types[m[2]]})
		if err != nil {
			t.Fatal(err)
		}
		metrics[name] = true
		if m[2] == "histogram" {
			metrics[name+"_bucket"], metrics[name+"_sum"], metrics[name+"_count"] = true, true, true
		}
		for _, a := range code.FindAllStringSubmatch(m[4], -1) {
			labels[strings.ReplaceAll(a[1], ".", "_")] = true
		}
	}
	return metrics, labels
}

// labelNames are those that an expression selects, groups or matches by.
func labelNames(t *testing.T, expr string) (names []string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			for _, m := range n.LabelMatchers {
				names = append(names, m.Name)
			}
		case *parser.AggregateExpr:
			names = append(names, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				names = append(names, n.VectorMatching.MatchingLabels...)
			}
		}
		return nil
	})
	return names
}

// TestStackRulesAreTested: each alert has a test in which it fires, and one in
// which it does not.
func TestStackRulesAreTested(t *testing.T) {
	_, alerts := loadStackRules(t)
	fires, quiet := make(map[alertID]bool), make(map[string]bool)
	for _, test := range loadStackRuleTests(t) {
		fired := make(map[string]bool)
		for _, c := range test.Checks {
			fired[c.Alert] = fired[c.Alert] || len(c.Want) > 0
			for _, w := range c.Want {
				fires[alertID{c.Alert, w.Labels["severity"]}] = true
			}
		}
		for name, here := range fired {
			quiet[name] = quiet[name] || !here
		}
	}
	for id := range alerts {
		if !fires[id] || !quiet[id.name] {
			t.Errorf("%v: a test in which it fires: %t, one in which it does not: %t", id, fires[id], quiet[id.name])
		}
	}
}

type stackRuleTest struct {
	Checks []struct {
		Alert string `yaml:"alertname"`
		Want  []struct {
			Labels map[string]string `yaml:"exp_labels"`
		} `yaml:"exp_alerts"`
	} `yaml:"alert_rule_test"`
}

func loadStackRuleTests(t *testing.T) []stackRuleTest {
	t.Helper()
	content, err := os.ReadFile(stackRuleTests)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Tests []stackRuleTest }
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	return file.Tests
}

// TestStackRules has the tools of Prometheus and Alertmanager check the files, and
// then breaks the rules in each of five ways: every alert that it concerns must
// fail a test. It takes half a minute of processor time.
func TestStackRules(t *testing.T) {
	t.Parallel()
	prom, am := promtool.path(t), amtool.path(t)
	for _, args := range [][]string{
		{prom, "check", "rules", "--lint=all", "--lint-fatal", stackRules},
		{prom, "check", "config", "--lint=all", "--lint-fatal", prometheusConfig},
		{prom, "test", "rules", stackRuleTests},
		{am, "check-config", alertmanagerConfig},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	for severity, want := range map[string]string{"page": "page", "critical": "page", "ticket": "ticket", "warning": "ticket", "": "ticket"} {
		out, err := exec.CommandContext(t.Context(), am, "config", "routes", "test", "--config.file="+alertmanagerConfig, "severity="+severity).Output()
		if got := strings.TrimSpace(string(out)); got != want || err != nil {
			t.Errorf("severity %q is told to %s, want %s (%v)", severity, got, want, err)
		}
	}
	for name, change := range map[string]func(*stackRule){
		"never fires":        func(r *stackRule) { r.Expr = "(" + r.Expr + ") and on () vector(0) == 1" },
		"fires at once":      func(r *stackRule) { r.For = "0s" },
		"fires a bit later":  func(r *stackRule) { r.For += "30s" },
		"thresholds doubled": func(r *stackRule) { r.Expr = scaled(r.Expr, 2) },
		"thresholds halved":  func(r *stackRule) { r.Expr = scaled(r.Expr, 0.5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken, changed := breakStackRules(t, change)
			out, err := exec.CommandContext(t.Context(), prom, "test", "rules", broken).CombinedOutput()
			if err == nil {
				t.Fatal("the tests pass")
			}
			for name := range changed {
				if !strings.Contains(string(out), "alertname: "+name+",") {
					t.Errorf("no test of %s fails", name)
				}
			}
		})
	}
}

// scaled multiplies the numbers that an expression compares with, but 0 and 1,
// which tell states.
func scaled(expr string, factor float64) string {
	threshold := regexp.MustCompile(`([<>]=? )([0-9.]+)([a-z]*)`)
	return threshold.ReplaceAllStringFunc(expr, func(match string) string {
		m := threshold.FindStringSubmatch(match)
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil || m[3] == "" && (n == 0 || n == 1) {
			return match
		}
		if m[3] == "m" {
			n, m[3] = 60*n, ""
		}
		return m[1] + strconv.FormatFloat(factor*n, 'f', -1, 64) + m[3]
	})
}

// breakStackRules copies the rules, each alert changed, with their tests. It
// returns the file of these and the names of the alerts that are not as before.
func breakStackRules(t *testing.T, change func(*stackRule)) (tests string, changed map[string]bool) {
	t.Helper()
	dir := t.TempDir()
	changed = make(map[string]bool)
	var file map[string]any
	content, err := os.ReadFile(stackRules)
	if err == nil {
		err = yaml.Unmarshal(content, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file["groups"].([]any) {
		for _, entry := range g.(map[string]any)["rules"].([]any) {
			rule := entry.(map[string]any)
			name, ok := rule["alert"].(string)
			if !ok {
				continue
			}
			was := stackRule{Expr: rule["expr"].(string), For: rule["for"].(string)}
			is := was
			change(&is)
			changed[name] = changed[name] || was.Expr != is.Expr || was.For != is.For
			rule["expr"], rule["for"] = is.Expr, is.For
		}
	}
	maps.DeleteFunc(changed, func(_ string, is bool) bool { return !is })
	if len(changed) == 0 {
		t.Fatal("nothing is changed")
	}
	writeYAML(t, filepath.Join(dir, "rules.yaml"), file)
	if content, err = os.ReadFile(stackRuleTests); err != nil {
		t.Fatal(err)
	}
	tests = filepath.Join(dir, "rules_test.yaml")
	if err := os.WriteFile(tests, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return tests, changed
}

// TestStackInhibition: what silences what names alerts and labels that exist.
func TestStackInhibition(t *testing.T) {
	_, alerts := loadStackRules(t)
	names := make(map[string]bool)
	for id := range alerts {
		names[id.name] = true
	}
	content, err := os.ReadFile(alertmanagerConfig)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Inhibit []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
			Equal  []string
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	_, labels := documented(t)
	labels["alertname"], labels["job"] = true, true
	for _, i := range config.Inhibit {
		for _, matcher := range slices.Concat(i.Source, i.Target) {
			label, value, _ := strings.Cut(matcher, `"`)
			for name := range strings.SplitSeq(strings.TrimSuffix(value, `"`), "|") {
				if strings.HasPrefix(label, "alertname") && !names[name] {
					t.Errorf("%s: there is no alert %s", matcher, name)
				}
			}
		}
		for _, label := range i.Equal {
			if !labels[label] {
				t.Errorf("no alert has the label %s", label)
			}
		}
	}
}
