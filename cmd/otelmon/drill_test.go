package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/drill"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

// TestMain is also the program that a drill kills.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{"drill", victim}) {
		run(context.Background(), os.Args[1:], console{os.Stdout, os.Stderr, nil})
		return
	}
	m.Run()
}

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
	if crashed := drill.Sum(report.Ledger).Dropped["crashed"]; crashed != 40 {
		t.Errorf("%d crashed, of 20 spans and 20 records: %v", crashed, report.Skipped)
	}
	text := renderDrill(report, nil)
	for _, want := range []string{"ok      healthy      nothing is wrong\n        ", "The ledger of all, of telemetry that waits in directory:\n  traces   "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestDrillOfBackend(t *testing.T) {
	t.Parallel()
	r, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out, faults bytes.Buffer
	environ := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.HTTPURL()}
	if code := run(t.Context(), []string{"drill", "-backend"}, console{&out, &faults, environ}); code != exitOK {
		t.Errorf("exit code %d: %s%s", code, &out, &faults)
	}
	if !strings.HasPrefix(faults.String(), "At most 1000 spans, data points and log records of the service otelmon-drill") {
		t.Errorf("not told before: %s", &faults)
	}
	if address := strings.TrimPrefix(r.HTTPURL(), "http://"); !strings.Contains(out.String(), "delivered is what "+address+" took\n") || len(r.Spans()) < 260 {
		t.Errorf("%d spans\n%s", len(r.Spans()), &out)
	}
}

func TestDrillSkips(t *testing.T) {
	t.Parallel()
	r := drill.Report{Skipped: []drill.Skip{{Name: "killed", Reason: "nothing was left"}}}
	if text := renderDrill(r, nil); text != "skipped killed       nothing was left\n" {
		t.Errorf("%q", text)
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
