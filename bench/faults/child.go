package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"
)

const (
	childArgument = "run-one-fault"
	watchdog      = 60 * time.Second // for a process that does not end
	blocked       = 2 * time.Second  // for what ends at once, or never
)

// Child runs one cell, if the arguments of the process (without its name) say
// that it was started for that, and reports whether they do. A program that
// calls [Print] calls it first, and ends if it did.
func Child(out io.Writer, arguments []string) bool {
	if len(arguments) != 3 || arguments[0] != childArgument {
		return false
	}
	debug.SetGCPercent(400) // a collection is noise here
	for _, s := range scenarios() {
		for _, l := range libraries() {
			if s.name == arguments[1] && l.title == arguments[2] {
				must(0, json.NewEncoder(out).Encode(s.run(l)))
			}
		}
	}
	return true
}

// inChild runs one cell. That the process dies is an outcome like any other.
func inChild(ctx context.Context, s scenario, l library) (outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return outcome{}, err
	}
	watched, cancel := context.WithTimeout(ctx, watchdog)
	defer cancel()
	child := exec.CommandContext(watched, self, childArgument, s.name, l.title)
	var stdout, stderr bytes.Buffer
	child.Stdout, child.Stderr = &stdout, &stderr
	err = child.Run()
	var died *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return outcome{}, context.Cause(ctx)
	case watched.Err() != nil:
		return outcome{Facts: fmt.Sprintf("no end within %v", watchdog)}, nil
	case errors.As(err, &died):
		first, _, _ := strings.Cut(stderr.String(), "\n")
		return outcome{Facts: fmt.Sprintf("the process dies, exit status %d: %s", died.ExitCode(), first)}, nil
	case err != nil:
		return outcome{}, fmt.Errorf("%s, %s: %w", s.name, l.title, err)
	}
	var o outcome
	if err := json.Unmarshal(stdout.Bytes(), &o); err != nil {
		return outcome{}, fmt.Errorf("%s, %s: %w: %s", s.name, l.title, err, stdout.String())
	}
	return o, nil
}

// must is for what cannot fail with the constants of this package.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
