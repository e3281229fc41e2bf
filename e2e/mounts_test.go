package e2e

import (
	"os/exec"
	"testing"
)

// TestConfigurations has each program check the file that docker-compose.yaml gives
// it. The Collector's is checked by TestCollectorValidates, Jaeger's by whoever starts
// it, Grafana's by its schemas.
func TestConfigurations(t *testing.T) {
	for _, of := range []struct {
		tool backend
		args []string
	}{
		{promtool, []string{"check", "config", "--lint=all", "--lint-fatal", prometheusConfig}}, // and the rules that it names
		{backend{names: []string{"amtool"}, from: debian("prometheus-alertmanager")}, []string{"check-config", alertmanagerConfig}},
		{backend{names: []string{"loki"}, from: made}, []string{"-verify-config", "-config.file=" + lokiConfig}},
	} {
		t.Run(of.tool.names[0], func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), of.tool.path(t), of.args...).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}
