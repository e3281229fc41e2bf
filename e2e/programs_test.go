package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaries is where the example programs are built, each once for all tests.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(runAll(m)) //nolint:forbidigo // the main function of the tests
}

func runAll(m *testing.M) int {
	if code, ok := play(os.Getenv(roleVariable)); ok {
		return code
	}
	var err error
	if binaries, err = os.MkdirTemp("", "otelmon-e2e"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(binaries) }()
	return m.Run()
}

// binary builds an example program unless that was done.
func binary(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(binaries, name)
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	if _, err := os.Stat(file); err == nil {
		return file
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./"+name)
	build.Dir = "../examples"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return file
}

// process is a running example program or backend.
type process struct {
	cmd    *exec.Cmd
	output output
	ended  chan struct{}
	err    error // set before ended is closed
}

// start runs an example with no OTEL variable but those given. A program that
// outlives the test is killed.
func start(t *testing.T, name string, env []string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(binary(t, name), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "TMPDIR=" + cmd.Dir,
		"GOROOT=" + goEnv(t, "GOROOT"),
	}, env...)
	return run(t, cmd)
}

// run starts the command, which ends with the test at the latest.
func run(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(cmd.Path), p.output.String())
		}
	})
	return p
}

// terminate sends SIGTERM and returns how long the program took to end.
func (p *process) terminate(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("the program ended by itself: %v (%v)", p.err, err)
	}
	p.wait(t, limit)
	return time.Since(begin)
}

// wait waits for the end of the program, whatever its exit code.
func (p *process) wait(t *testing.T, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	select {
	case <-p.ended:
	case <-ctx.Done():
		t.Fatalf("still running after %v", limit)
	}
	if exit := new(exec.ExitError); p.err != nil && !errors.As(p.err, &exit) {
		t.Fatal(p.err)
	}
	if !p.cmd.ProcessState.Exited() {
		t.Fatalf("killed: %v", p.cmd.ProcessState)
	}
}

// output collects what a program prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// goEnv asks the go command for one of its settings.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
