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

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// inbox is the receiver that Alertmanager notifies, and keeps what it was told.
type inbox struct {
	mu     sync.Mutex
	alerts []notice
}

// A notice is one alert of one notification, and the receiver that got it.
type notice struct {
	Receiver, Status    string
	Labels, Annotations map[string]string
}

// ServeHTTP takes a notification.
func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var told struct {
		Receiver string
		Alerts   []notice
	}
	if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for n := range told.Alerts {
		told.Alerts[n].Receiver = told.Receiver
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
	return runAlertmanager(t, map[string]any{
		"route": map[string]any{
			"receiver": "inbox", "group_by": []string{"..."},
			"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h",
		},
		"receivers": []any{map[string]any{"name": "inbox"}},
	}, to)
}

// runAlertmanager has each receiver of the configuration tell the inbox.
func runAlertmanager(t *testing.T, config map[string]any, to *inbox) (base string, p *process) {
	t.Helper()
	program := backend{names: []string{"prometheus-alertmanager", "alertmanager"}, from: debian("prometheus-alertmanager")}.path(t)
	webhook := httptest.NewServer(to)
	t.Cleanup(webhook.Close)
	for _, r := range config["receivers"].([]any) {
		r.(map[string]any)["webhook_configs"] = []any{map[string]any{"url": webhook.URL, "send_resolved": true}}
	}
	file := filepath.Join(t.TempDir(), "alertmanager.yaml")
	writeYAML(t, file, config)
	addr := loopback.Addr(t)
	base = "http://" + addr
	p = run(t, exec.Command(program, "--config.file="+file, "--storage.path="+t.TempDir(),
		"--web.listen-address="+addr, "--cluster.listen-address="))
	awaitAnswer(t, base+"/-/ready", "", p.ended)
	return base, p
}

// startPrometheus starts deploy/prometheus.yaml with what is added to it, and the
// flags of docker-compose.yaml with those that are added to them. Rules are evaluated
// every second.
func startPrometheus(t *testing.T, more map[string]any, flags ...string) (base string, p *process) {
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
	addr := loopback.Addr(t)
	base = "http://" + addr
	args := slices.DeleteFunc(loadCompose(t).Services["prometheus"].Command, func(arg string) bool {
		return strings.HasPrefix(arg, "--config.file=") || strings.HasPrefix(arg, "--storage.tsdb.path=")
	})
	p = run(t, exec.Command(program, slices.Concat(args, flags, []string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr,
	})...))
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
