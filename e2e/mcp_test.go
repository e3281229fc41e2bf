package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var mcpSuite = backend{names: []string{"conformance"}, where: "../bin/mcp/node_modules/.bin", from: made + ", which needs npm"}

// TestMCPConformance runs the suite of the protocol's authors, of both its
// revisions, and the inspector as a client against the console's MCP server.
func TestMCPConformance(t *testing.T) {
	folder := filepath.Join(filepath.Dir(mcpSuite.path(t)), "..", "..")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run=^TestConformance$", "./console/mcp")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "OTELMON_MCP_TOOLS="+folder)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
