package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose reads docker-compose.yaml, every profile of it, as `docker compose`
// does, schema and consistency checks included.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	opts, err := cli.NewProjectOptions([]string{"../docker-compose.yaml"}, cli.WithEnv(nil), cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := opts.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestComposeServices(t *testing.T) {
	project := loadCompose(t)
	want := []string{"alertmanager", "collector", "collector-health", "collector-storage", "example", "grafana", "jaeger", "loki", "prometheus"}
	if got := project.ServiceNames(); !slices.Equal(got, want) {
		t.Errorf("services %v, want %v", got, want)
	}
	pinned := regexp.MustCompile(`^[a-z0-9/.-]+:v?\d+\.\d+\.\d+$`)
	for name, s := range project.Services {
		t.Run(name, func(t *testing.T) {
			switch {
			case s.Build != nil: // of this very tree
				if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
					t.Errorf("build: %v", err)
				}
			case !pinned.MatchString(s.Image):
				t.Errorf("image %s is not pinned to an exact version", s.Image)
			}
			if want := restart(project, name); s.Restart != want {
				t.Errorf("restart %q, want %s", s.Restart, want)
			}
			if s.MemLimit <= 0 {
				t.Error("no memory limit")
			}
			if s.Privileged || !slices.Contains(s.CapDrop, "ALL") {
				t.Error("runs with more capabilities than it needs")
			}
			for _, p := range s.Ports {
				if p.HostIP != "127.0.0.1" {
					t.Errorf("port %s is open on %q, not on 127.0.0.1 alone", p.Published, p.HostIP)
				}
			}
			checkMounts(t, s.Volumes)
		})
	}
}

// oneShot tells a service that does its work and ends before others start.
func oneShot(project *types.Project, name string) bool {
	for _, s := range project.Services {
		if s.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return false
}

func restart(project *types.Project, name string) string {
	if oneShot(project, name) {
		return types.RestartPolicyNo
	}
	return types.RestartPolicyUnlessStopped
}

func checkMounts(t *testing.T, mounts []types.ServiceVolumeConfig) {
	t.Helper()
	for _, m := range mounts {
		if m.Type != types.VolumeTypeBind {
			continue
		}
		if !m.ReadOnly {
			t.Errorf("%s is mounted writable", m.Source)
		}
		if _, err := os.Stat(m.Source); err != nil {
			t.Errorf("mounted file: %v", err)
		}
	}
}

// TestComposeProfiles: what is there to look at the stack starts when asked for.
func TestComposeProfiles(t *testing.T) {
	project := loadCompose(t)
	for name, s := range project.Services {
		if want := name == "example"; (len(s.Profiles) > 0) != want {
			t.Errorf("%s has the profiles %v", name, s.Profiles)
		}
	}
}

// TestComposeHealth asks for a health check of every service, its own or that of a
// neighbour which asks it by its name, and that whoever waits, waits for it. A network
// that is shared is lost when the container that it is of restarts.
func TestComposeHealth(t *testing.T) {
	project := loadCompose(t)
	checked := make(map[string]bool)
	for name, s := range project.Services {
		if h := s.HealthCheck; h != nil && !h.Disable && len(h.Test) > 0 {
			checked[name] = true
			if h.Timeout == nil || h.Interval == nil || h.Retries == nil {
				t.Errorf("%s: health check without interval, timeout or retries", name)
			}
			for _, arg := range h.Test {
				if address, err := url.Parse(arg); err == nil && address.Host != "" {
					checked[address.Hostname()] = true
				}
			}
		}
	}
	for name, s := range project.Services {
		if !checked[name] && !oneShot(project, name) {
			t.Errorf("%s has no health check", name)
		}
		if strings.HasPrefix(s.NetworkMode, "service:") {
			t.Errorf("%s is in the network of another container", name)
		}
		for on, dependency := range s.DependsOn {
			if oneShot(project, on) {
				continue
			}
			own := project.Services[on].HealthCheck
			if hasOwn := own != nil && !own.Disable; hasOwn && dependency.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s starts after %s is %s, not healthy", name, on, dependency.Condition)
			}
		}
	}
	for service, after := range map[string][]string{
		"collector": {"jaeger", "loki", "prometheus"},
		"grafana":   {"jaeger", "loki", "prometheus"},
		"example":   {"collector-health"},
	} {
		for _, on := range after {
			if _, ok := project.Services[service].DependsOn[on]; !ok {
				t.Errorf("%s does not wait for %s", service, on)
			}
		}
	}
}

// TestComposeMemory: the container is larger than the Collector lets its heap become.
func TestComposeMemory(t *testing.T) {
	s := loadCompose(t).Services["collector"]
	config, err := os.ReadFile(collectorConfig)
	if err != nil {
		t.Fatal(err)
	}
	checkHeap(t, s.Name, []string{"GOMEMLIMIT=" + *s.Environment["GOMEMLIMIT"]}, string(config), int64(s.MemLimit>>20))
}

// TestPrometheusFlags: Prometheus has the flags that compose gives it, and none is to
// be removed.
func TestPrometheusFlags(t *testing.T) {
	help, err := exec.CommandContext(t.Context(), backend{names: []string{"prometheus"}, from: made}.path(t), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range loadCompose(t).Services["prometheus"].Command {
		name, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		about := regexp.MustCompile(`--(?:\[no-])?` + regexp.QuoteMeta(name) + `(?:=\S+)?\s+([^\n]*)`).FindSubmatch(help)
		if about == nil || strings.Contains(string(about[1]), "DEPRECATED") {
			t.Errorf("%s: %s", flag, about)
		}
	}
}

// TestComposeVolumes: a volume that is declared is used, and what the Collector
// queues and the data of Prometheus, Alertmanager (its silences), Loki and Grafana
// outlives the containers.
func TestComposeVolumes(t *testing.T) {
	project := loadCompose(t)
	for service, path := range map[string]string{
		"collector": storageDirectory(t), "prometheus": "/prometheus", "alertmanager": "/alertmanager", "loki": "/loki", "grafana": "/var/lib/grafana",
		"example": "/data",
	} {
		if !slices.ContainsFunc(project.Services[service].Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeVolume && v.Target == path
		}) {
			t.Errorf("%s keeps its data in no volume", service)
		}
	}
}

// storageDirectory is where the Collector's queues are without a variable.
func storageDirectory(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(collectorConfig)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^    directory: \$\{env:STORAGE_DIRECTORY:-(.*)}$`).FindSubmatch(content)
	if found == nil {
		t.Fatal("the Collector has no directory for its queues")
	}
	return string(found[1])
}

// TestComposeMountsWhatIsTested keeps the tests of this package honest: what
// they load is what the containers read.
func TestComposeMountsWhatIsTested(t *testing.T) {
	project := loadCompose(t)
	for _, want := range []struct{ service, file, flag string }{
		{"collector", collectorConfig, "--config="},
		{"prometheus", prometheusConfig, "--config.file="},
		{"prometheus", stackRules, ""},
		{"alertmanager", alertmanagerConfig, "--config.file="},
		{"jaeger", jaegerConfig, "--config="},
		{"loki", lokiConfig, "-config.file="},
		{"grafana", dashboards, ""},
	} {
		service := want.service
		s := project.Services[service]
		source, err := filepath.Abs(want.file)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Source == source })
		if i < 0 {
			t.Errorf("%s does not mount %s", service, want.file)
			continue
		}
		if target := s.Volumes[i].Target; want.flag != "" && !slices.Contains(s.Command, want.flag+target) {
			t.Errorf("%s mounts %s, but its command is %v", service, target, s.Command)
		}
	}
	if flags := project.Services["prometheus"].Command; !slices.Contains(flags, "--web.enable-otlp-receiver") {
		t.Errorf("prometheus would refuse OTLP: %v", flags)
	}
}
