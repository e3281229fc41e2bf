package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/drill"
)

func TestDrillCommand(t *testing.T) {
	t.Parallel()
	var out, faults bytes.Buffer
	if code := run(t.Context(), []string{"drill", "-json", "-dir", t.TempDir()}, console{&out, &faults, nil}); code != exitOK {
		t.Errorf("exit code %d: %s%s", code, &out, &faults)
	}
	var report drill.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || report.Verdict != drill.OK || report.Waits != "directory" || len(report.Ledger) != 3 {
		t.Errorf("%v: %+v", err, report)
	}
	text := renderDrill(report, nil)
	for _, want := range []string{"ok      healthy      nothing is wrong\n        ", "The ledger of all, of telemetry that waits in directory:\n  traces   "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestDrillThatFails(t *testing.T) {
	t.Parallel()
	var out, faults bytes.Buffer
	environ := []string{"OTEL_EXPORTER_OTLP_PROTOCOL=smoke"}
	if code := run(t.Context(), []string{"drill"}, console{&out, &faults, environ}); code != exitFailed || !strings.HasPrefix(out.String(), "FAILED  otelmon drill: the settings are wrong") {
		t.Errorf("exit code %d: %s", code, &out)
	}
	failed := drill.Report{Verdict: drill.Failed, Scenarios: []drill.Result{{Name: "reset", Verdict: drill.Failed, Reasons: []string{"traces: one is missing"}}}}
	if text := renderDrill(failed, nil); !strings.Contains(text, "FAILED  reset") || !strings.Contains(text, "-> traces: one is missing") {
		t.Error(text)
	}
	if code := run(t.Context(), []string{"drill", "-env-file", "/nowhere"}, console{&out, &faults, nil}); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
}
