package diagnosis_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/console/diagnosis"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

func TestFailingCheckIsNamed(t *testing.T) {
	st := store.New(0)
	rig := taptest.New(t, st)
	rig.Status(t, map[string]string{"db": "unhealthy", "cache": "healthy"}, "unhealthy")
	rig.Change(t, "db", "healthy", "unhealthy", "connection refused")

	r := diagnosis.Diagnose(st, diagnosis.Question{})
	if r.Status != "unhealthy" || len(r.Findings) != 1 {
		t.Fatalf("%+v", r)
	}
	f := r.Findings[0]
	if f.Component != "db" || f.Severity != diagnosis.Critical || !strings.Contains(f.Summary, "connection refused") {
		t.Errorf("%+v", f)
	}
	if len(r.Healthy) != 1 || r.Healthy[0] != "cache" {
		t.Errorf("healthy: %q", r.Healthy)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	b, err := json.Marshal(diagnosis.Diagnose(store.New(0), diagnosis.Question{}))
	if err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s, %v", b, err)
	}
}
