package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

var root = filepath.Join("..", "..", "..")

// committed are the dashboards that Grafana gets.
func committed(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards (%v)", err)
	}
	all := make(map[string][]byte)
	for _, file := range files {
		if all[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestCommittedIsWhatIsMade(t *testing.T) {
	made, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	have := committed(t)
	for name, content := range made {
		if !bytes.Equal(content, have[name]) {
			t.Errorf("%s is not what it is made of: run make dashboards", name)
		}
	}
	for name := range have {
		if made[name] == nil {
			t.Errorf("%s is made by nobody", name)
		}
	}
}

// TestSchema: each dashboard is what Grafana's own schema allows: no field that it
// does not have, none missing, no wrong type, down to the options of each panel.
func TestSchema(t *testing.T) {
	for name, content := range committed(t) {
		if err := strict(content); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// strict decodes with the library, which takes less care of what all panels have in
// common than of what is special to a kind: so that is asked for again.
func strict(content []byte) error {
	var d dashboard.Dashboard //nolint:staticcheck // see page
	plugins.RegisterDefaultPlugins()
	var common struct {
		Panels []struct{ FieldConfig json.RawMessage }
	}
	errs := []error{d.UnmarshalJSONStrict(content), json.Unmarshal(content, &common)}
	for _, p := range common.Panels {
		errs = append(errs, new(dashboard.FieldConfigSource).UnmarshalJSONStrict(p.FieldConfig))
	}
	for i, err := range errs {
		var list cog.BuildErrors
		if errors.As(err, &list) && len(list) == 0 {
			errs[i] = nil // no list is no error, though it is not nil
		}
	}
	return errors.Join(append(errs, d.Validate())...)
}

// TestSchemaFindsFaults, so that a library that checks nothing is noticed.
func TestSchemaFindsFaults(t *testing.T) {
	content := committed(t)["overview.json"]
	for _, change := range [][2]string{
		{`"refresh": "15s"`, `"refreshed": "15s"`},
		{`"refresh": "15s"`, `"refresh": 15`},
		{`"thresholds": {`, `"threshold": {`},
		{`"stacking": {`, `"stackings": {`},
		{`"fillOpacity": 8`, `"fillOpacity": "8"`},
		{`"expr":`, `"exp":`},
		{`"maxLines": 200`, `"maxLines": "many"`},
		{`"schemaVersion": 42`, `"schema": 42`},
	} {
		changed := bytes.Replace(content, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, content) {
			t.Errorf("%s is nowhere", change[0])
		} else if err := strict(changed); err == nil {
			t.Errorf("%s -> %s: nothing is found", change[0], change[1])
		}
	}
}

// TestTraceQueries: what the library has no type for, has the fields that Grafana's
// Jaeger has.
func TestTraceQueries(t *testing.T) {
	found := 0
	for name, content := range committed(t) {
		for _, p := range panels(t, content) {
			for _, raw := range p.Targets {
				if !bytes.Contains(raw, []byte("${traces}")) {
					continue
				}
				found++
				var q struct {
					RefID, QueryType, Service, Operation, Tags string
					DataSource                                 struct{ Type, UID string }
					Limit                                      int
				}
				d := json.NewDecoder(bytes.NewReader(raw))
				d.DisallowUnknownFields()
				if err := d.Decode(&q); err != nil {
					t.Errorf("%s, %s: %v", name, p.Title, err)
				}
				if q.QueryType != "search" || q.Service != "${name}" || q.DataSource.Type != "jaeger" || q.Limit == 0 {
					t.Errorf("%s, %s: %+v", name, p.Title, q)
				}
			}
		}
	}
	if found < 3 {
		t.Errorf("%d questions for traces", found)
	}
}

func TestUndocumentedNamesAreRefused(t *testing.T) {
	n, err := readNames(filepath.Join(root, "docs", "telemetry.md"))
	if err != nil {
		t.Fatal(err)
	}
	n.of("bulk.items", n.is("bulk.item.outcome", "ok"))
	if len(n.faults) > 0 {
		t.Errorf("documented: %v", n.faults)
	}
	n.of("bulk.itemz", n.is("bulk.item.outcom", "ok"))
	if len(n.faults) != 2 || !strings.Contains(n.faults[0].Error(), "bulk.item.outcom ") || !strings.Contains(n.faults[1].Error(), "bulk.itemz ") {
		t.Errorf("undocumented: %v", n.faults)
	}
}

// TestNames: suffixes are those of Prometheus.
func TestNames(t *testing.T) {
	n, err := readNames(filepath.Join(root, "docs", "telemetry.md"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"bulk.items":                "bulk_items_total",
		"bulk.io":                   "bulk_io_bytes_total",
		"bulk.operation.progress":   "bulk_operation_progress_ratio",
		"bulk.operation.throughput": "bulk_operation_throughput_per_second",
		"bulk.operation.active":     "bulk_operation_active",
		"health.status":             "health_status",
		"health.check.duration":     "health_check_duration_seconds",
		"process.cpu.time":          "process_cpu_time_seconds_total",
	} {
		if got := n.metric(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}
