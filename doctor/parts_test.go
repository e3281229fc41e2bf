package doctor

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/otelmon/otelmon-go/exporters"
)

func TestIsContainer(t *testing.T) {
	none := func(string) string { return "" }
	for name, c := range map[string]struct {
		root fstest.MapFS
		env  func(string) string
		want bool
	}{
		"machine":    {fstest.MapFS{"proc/1/cgroup": {Data: []byte("0::/init.scope\n")}}, none, false},
		"docker":     {fstest.MapFS{".dockerenv": {}}, none, true},
		"podman":     {fstest.MapFS{"run/.containerenv": {}}, none, true},
		"cgroup":     {fstest.MapFS{"proc/1/cgroup": {Data: []byte("9:pids:/kubepods/besteffort/pod1\n")}}, none, true},
		"kubernetes": {fstest.MapFS{}, func(string) string { return "10.0.0.1" }, true},
	} {
		if got := isContainer(c.root, c.env); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLocalhostInAContainer(t *testing.T) {
	unreached := delivery{e: exporters.Endpoint{URL: "http://localhost:4318"}, result: exporters.ProbeResult{Stage: exporters.StageConnect}}
	reached, other, untried := unreached, unreached, unreached
	reached.result.Addr = "127.0.0.1:4318"
	other.e.URL = "http://collector:4318"
	untried.result.Stage = exporters.StageEndpoint
	for _, c := range []struct {
		d    delivery
		want Verdict
	}{{unreached, Failed}, {reached, OK}, {other, ""}, {untried, ""}} {
		var got Verdict
		if checks := localhost([]delivery{c.d, c.d}); len(checks) == 1 {
			got = checks[0].Verdict
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.d, got, c.want)
		}
	}
}

func TestSkew(t *testing.T) {
	for name, c := range map[string]struct {
		modules []string
		want    string
	}{
		"together":   {[]string{otel + "@v1.47.0", otel + "/sdk@v1.47.0", otel + "/exporters/otlp/otlplog/otlploghttp@v0.23.0", contrib + "/instrumentation/runtime@v0.72.0"}, "All OpenTelemetry modules"},
		"sdk behind": {[]string{otel + "@v1.47.0", otel + "/sdk@v1.45.0"}, "go get " + otel + "/sdk@v1.47.0"},
		"logs":       {[]string{otel + "@v1.47.0", otel + "/exporters/otlp/otlplog/otlploggrpc@v0.21.0"}, "otlploggrpc@v0.23.0"},
		"contrib":    {[]string{otel + "@v1.47.0", contrib + "/instrumentation/net/http/otelhttp@v0.60.0"}, "otelhttp@v0.72.0"},
		"days later": {[]string{otel + "@v1.47.0", contrib + "/instrumentation/net/http/otelhttp@v0.71.0"}, "All OpenTelemetry modules"},
		"old":        {[]string{otel + "@v1.40.0"}, "GO-2026-5158"},
		"foreign":    {[]string{otel + "@v1.47.0", "example.com/x@v0.1.0", otel + "/schema@v0.0.17"}, "All OpenTelemetry modules"},
		"none":       {[]string{"example.com/x@v1.0.0"}, "no released version"},
	} {
		var deps []*debug.Module
		for _, m := range c.modules {
			path, version, _ := strings.Cut(m, "@")
			deps = append(deps, &debug.Module{Path: path, Version: version})
		}
		got := skew("", deps)
		if len(got) != 1 || !strings.Contains(got[0].Found+got[0].Fix, c.want) {
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
}

// The lines of versions are those of this module's own requirements.
func TestOwnModulesBelongTogether(t *testing.T) {
	content, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var deps []*debug.Module
	for line := range strings.Lines(string(content)) {
		if f := strings.Fields(line); len(f) >= 2 && strings.HasPrefix(f[0], "go.opentelemetry.io/") {
			deps = append(deps, &debug.Module{Path: f[0], Version: f[1]})
		}
	}
	if got := skew("", deps); len(deps) < 10 || len(got) != 1 || got[0].Verdict != OK {
		t.Errorf("%d modules: %+v", len(deps), got)
	}
}
