package mcp

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/internal/taptest"
)

// TestConformance runs the suite of the protocol's authors against the handler
// that Mount makes, with what the suite calls besides. It needs the folder that
// `make backends` fills, and make e2e names it.
func TestConformance(t *testing.T) {
	folder := os.Getenv("OTELMON_MCP_TOOLS")
	if folder == "" {
		t.Skip("OTELMON_MCP_TOOLS names no folder with the suite: make e2e runs this")
	}
	con := console.New(console.Options{})
	con.Mount(path, newHandler(con, fixtures))
	r := &rig{taptest.New(t, con), con, con.Handler()}
	r.fill(t, "checkout")
	server := httptest.NewServer(r.h)
	defer server.Close()
	bin := filepath.Join(folder, "node_modules", ".bin")

	run := func(t *testing.T, arguments ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "node"), arguments...)
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		if lines := strings.TrimSpace(string(out)); err == nil {
			t.Log(lines[strings.LastIndexByte(lines, '\n')+1:])
		}
	}
	suite := filepath.Join(bin, "conformance")
	t.Run("2026-07-28", func(t *testing.T) {
		run(t, suite, "server", "--url", server.URL+"/mcp", "--requirements", "2026-07-28")
	})
	t.Run("2025-11-25", func(t *testing.T) {
		// Requests to the client, which no tool of ours makes: without state there is nobody to take their answers.
		expected := filepath.Join(t.TempDir(), "expected.yml")
		content := "server:\n  - tools-call-sampling\n  - tools-call-elicitation\n  - elicitation-sep1034-defaults\n  - elicitation-sep1330-enums\n"
		if err := os.WriteFile(expected, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, suite, "server", "--url", server.URL+"/mcp", "--requirements", "2025-11-25", "--expected-failures", expected)
	})
	t.Run("inspector", func(t *testing.T) {
		run(t, filepath.Join(bin, "mcp-inspector"), "--cli", server.URL+"/mcp", "--transport", "http", "--protocol-era", "modern",
			"--method", "tools/call", "--tool-name", "diagnose", "--tool-args-json", "{}", "--format", "json")
	})
}
