package doctor

import (
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/otelmon/otelmon-go/internal/keys"
)

const (
	otel    = "go.opentelemetry.io/otel"
	contrib = "go.opentelemetry.io/contrib"
)

// modules looks whether the binary's OpenTelemetry modules belong together. It
// takes them from the running program unless a file is given.
func modules(binary string) []Check {
	var info *debug.BuildInfo
	if binary == "" {
		info, _ = debug.ReadBuildInfo()
	} else {
		var err error
		if info, err = buildinfo.ReadFile(binary); err != nil {
			return []Check{{
				Name: CheckModules, Subject: binary, Verdict: Failed, Found: "The modules of the binary cannot be read.",
				Fix: "Name a Go program that was built with modules.", Detail: err.Error(),
			}}
		}
	}
	if info == nil {
		return []Check{{Name: CheckModules, Verdict: Skipped, Found: "This program was built without modules."}}
	}
	if binary == "" && info.Path == keys.Module+"/cmd/otelmon" {
		return []Check{{
			Name: CheckModules, Verdict: Skipped, Found: "The versions of OpenTelemetry in your program were not looked at.",
			Fix: "Name its binary: -binary ./yourprogram.",
		}}
	}
	return skew(binary, info.Deps)
}

// skew compares each module with the release that go.opentelemetry.io/otel is of.
func skew(binary string, deps []*debug.Module) []Check {
	const safe = 44 // of 1.44
	versions := map[string]string{}
	for _, m := range deps {
		if m.Replace != nil {
			m = &debug.Module{Path: m.Path, Version: m.Replace.Version}
		}
		versions[m.Path] = m.Version
	}
	core, ok := minor(versions[otel], "v1.")
	if !ok {
		return []Check{{Name: CheckModules, Subject: binary, Verdict: Skipped, Found: "The program holds no released version of OpenTelemetry."}}
	}
	var astray, update []string
	for _, m := range deps {
		want, tolerance := expected(m.Path, core)
		version := versions[m.Path]
		is, ok := minor(version, want.major)
		if want.major == "" || !ok || max(is-want.minor, want.minor-is) <= tolerance {
			continue
		}
		astray = append(astray, m.Path+" "+version)
		update = append(update, fmt.Sprintf("%s@%s%d.0", m.Path, want.major, want.minor))
	}
	var checks []Check
	if len(astray) > 0 {
		checks = append(checks, Check{
			Name: CheckModules, Subject: binary, Verdict: Warning,
			Found: fmt.Sprintf("Modules of different releases: %s beside %s %s.", strings.Join(astray, ", "), otel, versions[otel]),
			Fix:   "go get " + strings.Join(update, " "),
		})
	}
	if core < safe {
		checks = append(checks, Check{
			Name: CheckModules, Subject: binary, Verdict: Warning,
			Found: fmt.Sprintf("OpenTelemetry %s has the known vulnerability GO-2026-5158.", versions[otel]),
			Fix:   fmt.Sprintf("go get %s@v1.47.0", otel),
		})
	}
	if len(checks) == 0 {
		checks = append(checks, Check{
			Name: CheckModules, Subject: binary, Verdict: OK,
			Found: fmt.Sprintf("All OpenTelemetry modules are of the release %s.", versions[otel]),
		})
	}
	return checks
}

// release is what a module's version begins with.
type release struct {
	major string // v1. or v0.
	minor int
}

// expected is the version of a module that belongs to otel 1.core, and by how
// many minor versions it may be off. Each line of modules goes up by one with
// each release; lines that do not keep to that are left out. A module that was
// stable later than others has an older line, which is not compared with this.
func expected(module string, core int) (want release, tolerance int) {
	const (
		logs, scrape, instrumentation = -24, 22, 25 // otlplog v0.23, prometheus v0.69 and contrib v0.72 are of v1.47
		late                          = 1           // contrib follows days after
	)
	experimental := slices.ContainsFunc([]string{"/exporters/otlp/otlplog/", "/exporters/stdout/stdoutlog"}, func(part string) bool {
		return strings.HasPrefix(module, otel+part)
	})
	switch {
	case experimental:
		return release{"v0.", core + logs}, 0
	case module == otel+"/exporters/prometheus":
		return release{"v0.", core + scrape}, 0
	case module == otel, strings.HasPrefix(module, otel+"/"):
		return release{"v1.", core}, 0
	case strings.HasPrefix(module, contrib+"/instrumentation/"), strings.HasPrefix(module, contrib+"/exporters/autoexport"),
		strings.HasPrefix(module, contrib+"/propagators/autoprop"):
		return release{"v0.", core + instrumentation}, late
	case strings.HasPrefix(module, contrib+"/propagators/"):
		return release{"v1.", core}, late
	}
	return release{}, 0
}

func minor(version, major string) (int, bool) {
	rest, ok := strings.CutPrefix(version, major)
	if !ok || major == "" {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	return n, err == nil
}
