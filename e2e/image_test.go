//go:build linux && amd64

package e2e

import (
	"context"
	"debug/elf"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

const (
	dockerfile   = "../examples/codesearch/Dockerfile"
	consoleToken = "a token of the example"
)

// built runs the commands of the Dockerfile that build something, for linux/amd64,
// and returns what they made by the path that it gets in the image.
func built(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	made := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^RUN (.*go build .*-o /out/(\S+) .*)$`).FindAllStringSubmatch(string(content), -1) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(m[1], "/out/", out+"/"))
		cmd.Dir = ".." // WORKDIR, with what COPY brings there
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64")
		if printed, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", m[1], err, printed)
		}
		made["/"+m[2]] = filepath.Join(out, m[2])
	}
	if len(made) != 2 {
		t.Fatalf("the Dockerfile builds %v", made)
	}
	return made
}

// TestImage builds what the image of the profile example holds by the very commands
// of its Dockerfile: programs that need no other file, not even a loader. In an empty
// folder, with the flags, the environment and the health check of compose, the example
// serves, and its console asks for the token. It takes 15 s, and two minutes more where
// nothing was built without cgo before.
func TestImage(t *testing.T) {
	t.Parallel()
	made := built(t)
	for name, file := range made {
		static(t, name, file)
	}
	service := loadCompose(t).Services["example"]
	dir, addr := t.TempDir(), loopback.Addr(t)
	local := strings.NewReplacer("0.0.0.0:8080", addr, "127.0.0.1:8080", addr, "/data", dir, "/usr/local/go/src", filepath.Join(goEnv(t, "GOROOT"), "src", "sort"))
	cmd := exec.Command(made["/codesearch"])
	cmd.Dir = dir
	for _, arg := range service.Command {
		cmd.Args = append(cmd.Args, local.Replace(arg))
	}
	cmd.Env = []string{}
	for name, value := range service.Environment {
		switch name {
		case "OTEL_EXPORTER_OTLP_ENDPOINT":
			cmd.Env = append(cmd.Env, name+"=http://"+loopback.Addr(t)) // and nobody listens
		case "OTELMON_CONSOLE_TOKEN":
			cmd.Env = append(cmd.Env, name+"="+consoleToken)
		default:
			cmd.Env = append(cmd.Env, name+"="+local.Replace(*value))
		}
	}
	p := run(t, cmd)
	awaitAnswer(t, "http://"+addr+"/search?q=func", "sort.go", p.ended)
	if status, _, err := get(t.Context(), "http://"+addr+"/debug/otelmon/api/health"); err != nil || status != http.StatusUnauthorized {
		t.Errorf("without the token the console answers %d, %v", status, err)
	}
	test := service.HealthCheck.Test
	await(t, 30*time.Second, p.ended, func(ctx context.Context) error {
		check := exec.CommandContext(ctx, made[test[1]])
		for _, arg := range test[2:] {
			check.Args = append(check.Args, local.Replace(arg))
		}
		check.Env = []string{"OTELMON_CONSOLE_TOKEN=" + consoleToken}
		out, err := check.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("the health check: %w\n%s", err, out)
		}
		return err
	})
	p.terminate(t, shutdownLimit+time.Second)
	if files, err := filepath.Glob(filepath.Join(dir, "telemetry", "*")); err != nil || len(files) == 0 {
		t.Errorf("no telemetry waits for a backend in %s (%v)", dir, err)
	}
}

// static checks that a program needs neither a loader nor a library.
func static(t *testing.T, name, file string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	libraries, _ := f.ImportedLibraries()
	if len(libraries) > 0 {
		t.Errorf("%s needs %v", name, libraries)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Errorf("%s needs a loader", name)
		}
	}
}
