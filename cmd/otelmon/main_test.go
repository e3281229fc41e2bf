package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/otelmon/otelmon-go/doctor"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestExitCodes(t *testing.T) {
	r, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("# comment\nexport OTEL_SERVICE_NAME='shop'\nOTEL_EXPORTER_OTLP_ENDPOINT="+r.HTTPURL()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	off := []string{"-jaeger", "off", "-prometheus", "off", "-loki", "off"}
	for _, c := range []struct {
		args  []string
		want  int
		words string
	}{
		{nil, exitUsage, "otelmon doctor"},
		{[]string{"help"}, exitOK, "otelmon doctor"},
		{[]string{"version"}, exitOK, "otelmon "},
		{[]string{"nonsense"}, exitUsage, `"nonsense" is no command`},
		{[]string{"--version"}, exitOK, "otelmon "},
		{[]string{"doctor", "-h"}, exitOK, "-env-file"},
		{[]string{"doctor", "-h"}, exitOK, "why telemetry does not arrive"},
		{[]string{"mcp", "-h"}, exitOK, "Model Context Protocol"},
		{[]string{"drill", "-h"}, exitOK, "the ledger"},
		{[]string{"logs", "-level", "loud"}, exitUsage, "want one of trace"},
		{[]string{"doctor", "-nonsense"}, exitUsage, "not defined"},
		{[]string{"doctor", "nonsense"}, exitUsage, "takes no argument"},
		{[]string{"doctor", "-timeout", "0s"}, exitUsage, "above 0"},
		{[]string{"doctor", "-env-file", file + "x"}, exitUsage, "no such file"},
		{append([]string{"doctor", "-env-file", file}, off...), exitOK, "took the probe"},
		{append([]string{"doctor"}, off...), exitFailed, "Write http://localhost:4318."},
	} {
		var out bytes.Buffer
		got := run(t.Context(), c.args, console{&out, &out, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318"}})
		if got != c.want || !strings.Contains(out.String(), c.words) {
			t.Errorf("%v: exit %d, want %d and %q in\n%s", c.args, got, c.want, c.words, out.String())
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Errorf("%v: colour off a terminal", c.args)
		}
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	code := run(t.Context(), []string{"doctor", "-json"}, console{&out, &out, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318"}})
	var report doctor.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || code != exitFailed || report.Verdict != doctor.Failed || report.Version != 1 {
		t.Errorf("exit %d, %v:\n%s", code, err, out.String())
	}
}

func TestRender(t *testing.T) {
	r := doctor.Report{Verdict: doctor.Failed, Service: "shop", TraceID: strings.Repeat("0", 32), Checks: []doctor.Check{
		{Name: "delivery", Subject: "traces", Verdict: doctor.OK, Found: "It took the probe within 3ms."},
		{Name: "delivery", Subject: "logs", Verdict: doctor.OK, Found: "It took the probe within 4ms."},
		{Name: "outbox", Verdict: doctor.Failed, Found: strings.Repeat("many wörds ", 20), Fix: strings.Repeat("fix it ", 20), Source: "environment X"},
	}}
	text := render(r, nil)
	for _, want := range []string{"ok      delivery of traces, logs\n", "failed  outbox\n", "        -> fix it", "from environment X", "FAILED: 2 ok, 0 warnings, 1 failed"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > width {
			t.Errorf("too wide: %q", line)
		}
	}
	if !strings.Contains(render(r, style{doctor.Failed: "\x1b[31m"}), "\x1b[31mfailed  \x1b[0moutbox") {
		t.Error("no colour")
	}
}

func FuzzParseEnv(f *testing.F) {
	f.Add("A=1\n#x\nexport B=\"2\"\nA=3")
	f.Add("=\n")
	f.Fuzz(func(t *testing.T, content string) {
		environ, err := parseEnv(content)
		seen := map[string]bool{}
		for _, entry := range environ {
			name, _, ok := strings.Cut(entry, "=")
			if !ok || name == "" || seen[name] || err != nil {
				t.Errorf("%q of %q, %v", entry, content, err)
			}
			seen[name] = true
		}
	})
}
