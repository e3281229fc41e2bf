package e2e

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

type dataSources struct {
	APIVersion  int `yaml:"apiVersion"`
	DataSources []struct {
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
			DerivedFields []struct {
				Name, URL     string
				MatcherType   string `yaml:"matcherType"`
				MatcherRegex  string `yaml:"matcherRegex"`
				DataSourceUID string `yaml:"datasourceUid"`
			} `yaml:"derivedFields"`
		} `yaml:"jsonData"`
	} `yaml:"datasources"`
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
	for _, d := range got.DataSources {
		for _, e := range d.JSONData.Exemplars {
			if uids[e.DataSourceUID] != "jaeger" {
				t.Errorf("%s: exemplars lead to %q, which is no Jaeger", d.Name, e.DataSourceUID)
			}
		}
		for _, f := range d.JSONData.DerivedFields {
			if uids[f.DataSourceUID] != "jaeger" {
				t.Errorf("%s: %s leads to %q, which is no Jaeger", d.Name, f.Name, f.DataSourceUID)
			}
		}
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
