package doctor

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/otelmon/otelmon-go/exporters"
)

// isContainer reports whether this process runs in a container, by what the
// engines leave in its file system and environment.
func isContainer(root fs.FS, getenv func(string) string) bool {
	if getenv("KUBERNETES_SERVICE_HOST") != "" {
		return true
	}
	for _, mark := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := fs.Stat(root, mark); err == nil {
			return true
		}
	}
	groups, _ := fs.ReadFile(root, "proc/1/cgroup")
	for _, engine := range []string{"docker", "kubepods", "containerd", "libpod"} {
		if strings.Contains(string(groups), engine) {
			return true
		}
	}
	return false
}

// localhost explains what it means in a container. Where probes get through, it
// is a sidecar or the host's network.
func localhost(sent []delivery) []Check {
	told := map[string]bool{}
	var checks []Check
	for _, d := range sent {
		host := d.host()
		if !d.onLoopback() || d.result.Stage == exporters.StageEndpoint || told[host] {
			continue
		}
		told[host] = true
		c := Check{
			Name: CheckContainer, Subject: host, Verdict: OK, Source: d.source,
			Found: "The program runs in a container and sends to localhost, and somebody listens there: a sidecar, or the network is the host's.",
		}
		if d.result.Addr == "" {
			c.Verdict = Failed
			c.Found = fmt.Sprintf("Inside a container %s is the container itself, and nothing listens there.", host)
			c.Fix = "Write the name of the collector's service instead, such as http://collector:4318, or host.docker.internal for the machine outside."
		}
		checks = append(checks, c)
	}
	return checks
}
