package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// weightBound is how much heavier a program may be through otelmon.
const weightBound = 1.05

// sizes weighs stripped programs that do the same. The console is a feature
// that rawsetup does not have, so its program is shown and not judged.
func (t *table) sizes(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "otelmon-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	other, err := weigh(ctx, dir, ".", "./rawsetup")
	if err != nil {
		return err
	}
	for _, program := range []struct {
		name, module, path string
		bound              float64
	}{
		{"binary without console (rawsetup)", ".", "./thinsetup", weightBound},
		{"binary of examples/quickstart (rawsetup)", "../examples", "./quickstart", 0},
	} {
		ours, err := weigh(ctx, dir, program.module, program.path)
		if err != nil {
			return err
		}
		t.addSize(program.name, ours, other, program.bound)
	}
	return nil
}

// weigh builds a program without symbols and returns its size in bytes.
func weigh(ctx context.Context, dir, module, path string) (float64, error) {
	binary := filepath.Join(dir, filepath.Base(path))
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, path)
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build %s: %w\n%s", filepath.Join(module, path), err, strings.TrimSpace(string(out)))
	}
	info, err := os.Stat(binary)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()), nil
}
