package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// inbox is the receiver that Alertmanager notifies, and keeps what it was told.
type inbox struct {
	mu     sync.Mutex
	alerts []notice
}

// A notice is one alert of one notification.
type notice struct {
	Status              string
	Labels, Annotations map[string]string
}

// ServeHTTP takes a notification.
func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var told struct{ Alerts []notice }
	if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.alerts = append(i.alerts, told.Alerts...)
}

func (i *inbox) all() []notice {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]notice(nil), i.alerts...)
}

// startAlertmanager returns the address of an Alertmanager that tells the inbox of
// every change within about a second.
func startAlertmanager(t *testing.T, to *inbox) (base string, p *process) {
	t.Helper()
	program := backend{names: []string{"prometheus-alertmanager", "alertmanager"}, from: debian("prometheus-alertmanager")}.path(t)
	receiver := httptest.NewServer(to)
	t.Cleanup(receiver.Close)
	config := filepath.Join(t.TempDir(), "alertmanager.yaml")
	writeYAML(t, config, map[string]any{
		"route": map[string]any{
			"receiver": "inbox", "group_by": []string{"..."},
			"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h",
		},
		"receivers": []any{map[string]any{
			"name": "inbox", "webhook_configs": []any{map[string]any{"url": receiver.URL, "send_resolved": true}},
		}},
	})
	addr := freeAddr(t)
	base = "http://" + addr
	p = run(t, exec.Command(program, "--config.file="+config, "--storage.path="+t.TempDir(),
		"--web.listen-address="+addr, "--cluster.listen-address="))
	awaitAnswer(t, base+"/-/ready", "", p.ended)
	return base, p
}

// startPrometheus starts deploy/prometheus.yaml with what is added to it, and the
// flags of docker-compose.yaml. Rules are evaluated every second.
func startPrometheus(t *testing.T, more map[string]any) (base string, p *process) {
	t.Helper()
	program := backend{names: []string{"prometheus"}, from: made}.path(t)
	var config map[string]any
	content, err := os.ReadFile(prometheusConfig)
	if err == nil {
		err = yaml.Unmarshal(content, &config)
	}
	if err != nil {
		t.Fatal(err)
	}
	config["global"].(map[string]any)["evaluation_interval"] = "1s"
	for _, neighbours := range []string{"scrape_configs", "alerting", "rule_files"} {
		delete(config, neighbours) // they are elsewhere here
	}
	maps.Copy(config, more)
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yaml")
	writeYAML(t, file, config)
	addr := freeAddr(t)
	base = "http://" + addr
	args := slices.DeleteFunc(loadCompose(t).Services["prometheus"].Command, func(arg string) bool {
		return strings.HasPrefix(arg, "--config.file=") || strings.HasPrefix(arg, "--storage.tsdb.path=")
	})
	p = run(t, exec.Command(program, append(args, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr)...))
	awaitAnswer(t, base+"/-/ready", "", p.ended)
	return base, p
}

func writeYAML(t *testing.T, file string, v any) {
	t.Helper()
	var b bytes.Buffer
	err := yaml.NewEncoder(&b).Encode(v)
	if err == nil {
		err = os.WriteFile(file, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("write %s: %w", filepath.Base(file), err))
	}
}
