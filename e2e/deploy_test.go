package e2e

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	alertmanagerConfig = "../deploy/alertmanager.yaml"
	stackRules         = "../deploy/rules.yaml"
	jaegerConfig       = "../deploy/jaeger.yaml"
	lokiConfig         = "../deploy/loki.yaml"
	provisioning       = "../deploy/grafana/provisioning"
	dashboards         = "../deploy/grafana/dashboards"
)

// dataSources are what Grafana is provisioned with: the settings of the data sources
// that deploy/grafana uses, as its documentation has them.
type dataSources struct {
	APIVersion  int `yaml:"apiVersion"`
	DataSources []dataSource
}

type dataSource struct {
	Name, UID, Type, Access, URL string
	IsDefault                    bool `yaml:"isDefault"`
	Editable                     bool
	JSONData                     struct {
		HTTPMethod   string `yaml:"httpMethod"`
		TimeInterval string `yaml:"timeInterval"`
		Exemplars    []struct {
			Name          string
			DataSourceUID string `yaml:"datasourceUid"`
		} `yaml:"exemplarTraceIdDestinations"`
		DerivedFields []derivedField         `yaml:"derivedFields"`
		NodeGraph     struct{ Enabled bool } `yaml:"nodeGraph"`
		TracesToLogs  struct {
			DataSourceUID      string `yaml:"datasourceUid"`
			SpanStartTimeShift string `yaml:"spanStartTimeShift"`
			SpanEndTimeShift   string `yaml:"spanEndTimeShift"`
			CustomQuery        bool   `yaml:"customQuery"`
			Query              string
		} `yaml:"tracesToLogsV2"`
		TracesToMetrics struct {
			DataSourceUID      string `yaml:"datasourceUid"`
			SpanStartTimeShift string `yaml:"spanStartTimeShift"`
			SpanEndTimeShift   string `yaml:"spanEndTimeShift"`
			Tags               []struct{ Key, Value string }
			Queries            []struct{ Name, Query string }
		} `yaml:"tracesToMetrics"`
	} `yaml:"jsonData"`
}

// derivedField is a link of log records.
type derivedField struct {
	Name, URL       string
	MatcherType     string `yaml:"matcherType"`
	MatcherRegex    string `yaml:"matcherRegex"`
	URLDisplayLabel string `yaml:"urlDisplayLabel"`
	DataSourceUID   string `yaml:"datasourceUid"`
}

// provisioned returns the data sources by type, with the escaping of Grafana's
// files undone.
func provisioned(t *testing.T) map[string]dataSource {
	t.Helper()
	var got dataSources
	decode(t, filepath.Join(provisioning, "datasources/otelmon.yaml"), &got)
	all := make(map[string]dataSource)
	for _, d := range got.DataSources {
		for i := range d.JSONData.DerivedFields {
			d.JSONData.DerivedFields[i].URL = unescape(t, d.JSONData.DerivedFields[i].URL)
		}
		d.JSONData.TracesToLogs.Query = unescape(t, d.JSONData.TracesToLogs.Query)
		for i := range d.JSONData.TracesToMetrics.Queries {
			d.JSONData.TracesToMetrics.Queries[i].Query = unescape(t, d.JSONData.TracesToMetrics.Queries[i].Query)
		}
		all[d.Type] = d
	}
	return all
}

// unescape is for text that Grafana would take environment variables out of.
func unescape(t *testing.T, text string) string {
	t.Helper()
	if single := strings.ReplaceAll(text, "$$", ""); strings.Contains(single, "$") {
		t.Errorf("Grafana reads an environment variable in %s", text)
	}
	return strings.ReplaceAll(text, "$$", "$")
}

type providers struct {
	APIVersion int `yaml:"apiVersion"`
	Providers  []struct {
		Name, Folder, Type    string
		DisableDeletion       bool `yaml:"disableDeletion"`
		AllowUIUpdates        bool `yaml:"allowUiUpdates"`
		UpdateIntervalSeconds int  `yaml:"updateIntervalSeconds"`
		Options               struct{ Path string }
	}
}

// decode reads a YAML file into v and fails on a key that v does not have.
func decode(t *testing.T, name string, v any) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestGrafanaDataSources(t *testing.T) {
	var got dataSources
	decode(t, filepath.Join(provisioning, "datasources/otelmon.yaml"), &got)
	project := loadCompose(t)
	uids := make(map[string]string)
	for _, d := range got.DataSources {
		uids[d.UID] = d.Type
		address, err := url.Parse(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := project.Services[address.Hostname()]; !ok {
			t.Errorf("%s points at %s, which is no service of docker-compose.yaml", d.Name, d.URL)
		}
	}
	if uids["prometheus"] != "prometheus" || uids["jaeger"] != "jaeger" || uids["loki"] != "loki" {
		t.Errorf("uids %v, want prometheus, jaeger and loki: dashboards name them", uids)
	}
	for _, d := range provisioned(t) {
		for _, e := range d.JSONData.Exemplars {
			if uids[e.DataSourceUID] != "jaeger" {
				t.Errorf("%s: exemplars lead to %q, which is no Jaeger", d.Name, e.DataSourceUID)
			}
		}
		for _, f := range d.JSONData.DerivedFields {
			if inside := strings.HasPrefix(f.URL, "/d/"); !inside && uids[f.DataSourceUID] != "jaeger" {
				t.Errorf("%s: %s leads to %q, which is no Jaeger", d.Name, f.Name, f.DataSourceUID)
			} else if inside && !slices.ContainsFunc(dashboardFiles(t), func(file string) bool {
				return strings.HasPrefix(f.URL, "/d/"+loadDashboard(t, file).UID+"?")
			}) {
				t.Errorf("%s: %s leads to %s, which is no dashboard", d.Name, f.Name, f.URL)
			}
		}
	}
	jaeger := provisioned(t)["jaeger"].JSONData
	if logs, metrics := uids[jaeger.TracesToLogs.DataSourceUID], uids[jaeger.TracesToMetrics.DataSourceUID]; logs != "loki" || metrics != "prometheus" {
		t.Errorf("traces lead to the logs of %q and to the metrics of %q", logs, metrics)
	}
}

// TestGrafanaRates: the shortest time that Grafana takes a rate over holds two
// exports of a program with the default settings, so that there is a rate.
func TestGrafanaRates(t *testing.T) {
	interval, err := time.ParseDuration(provisioned(t)["prometheus"].JSONData.TimeInterval)
	if err != nil {
		t.Fatal(err)
	}
	const exports = time.Minute // OTEL_METRIC_EXPORT_INTERVAL
	if rate := 4 * interval; rate < 2*exports {
		t.Errorf("rates are taken over %v while metrics come each %v", rate, exports)
	}
}

// TestGrafanaProvider: dashboards are mounted where Grafana looks for them, the
// home dashboard is one of them.
func TestGrafanaProvider(t *testing.T) {
	var got providers
	decode(t, filepath.Join(provisioning, "dashboards/otelmon.yaml"), &got)
	grafana := loadCompose(t).Services["grafana"]
	if len(got.Providers) != 1 {
		t.Fatalf("%d providers, want 1", len(got.Providers))
	}
	mounted := ""
	for _, v := range grafana.Volumes {
		if strings.HasSuffix(filepath.ToSlash(v.Source), "deploy/grafana/dashboards") {
			mounted = v.Target
		}
	}
	if path := got.Providers[0].Options.Path; path != mounted {
		t.Errorf("Grafana reads dashboards from %s; they are mounted at %s", path, mounted)
	}
	home := grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if home == nil || !slices.Contains(dashboardFiles(t), filepath.Join(dashboards, strings.TrimPrefix(*home, mounted))) {
		t.Errorf("the home dashboard %v is not in %s", home, dashboards)
	}
}

func dashboardFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dashboards, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards (%v)", err)
	}
	return files
}
