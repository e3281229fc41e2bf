package otelmon_test

import (
	"bufio"
	"errors"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	// Compiled with the test, so that the module cache holds all that they link.
	_ "github.com/otelmon/otelmon-go/bulk"
	_ "github.com/otelmon/otelmon-go/health"
	_ "github.com/otelmon/otelmon-go/health/alert"
	_ "github.com/otelmon/otelmon-go/health/checkers"
	_ "github.com/otelmon/otelmon-go/otelmon"
)

// heavy are the modules that a program importing only health or only bulk must
// not link.
func heavy() []string {
	return []string{
		"google.golang.org/grpc",
		"google.golang.org/protobuf",
		"go.opentelemetry.io/otel/sdk",
		"go.opentelemetry.io/otel/exporters",
		"go.opentelemetry.io/proto",
		"go.opentelemetry.io/contrib",
		"github.com/prometheus",
	}
}

func TestLinkage(t *testing.T) {
	for _, start := range []string{"health", "health/alert", "health/checkers", "bulk"} {
		t.Run(start, func(t *testing.T) {
			linked := links(t, module+start)
			if _, ok := linked[otel+"/trace"]; !ok {
				t.Fatal("the OpenTelemetry API is not linked either: the graph was not followed")
			}
			for imported, via := range linked {
				if slices.ContainsFunc(heavy(), func(root string) bool { return below(imported, root) }) {
					t.Errorf("%s is linked through %s", imported, via)
				}
			}
		})
	}
	t.Run("otelmon links all of it", func(t *testing.T) {
		linked := links(t, module+"otelmon")
		for _, want := range []string{"google.golang.org/grpc", otel + "/sdk/trace", otel + "/sdk/metric", otel + "/sdk/log"} {
			if _, ok := linked[want]; !ok {
				t.Errorf("%s is not found: this test would miss it under health and bulk too", want)
			}
		}
	})
}

// links follows the imports of a package through the module and the module
// cache: every package linked, with the first one that imports it. It reads the
// files itself, for the reason given at TestImports.
func links(t *testing.T, start string) map[string]string {
	t.Helper()
	roots := moduleRoots(t)
	linked := map[string]string{start: "this test"}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		dir := packageDir(t, roots, queue[0])
		pkg, err := build.ImportDir(dir, 0)
		if err != nil {
			t.Fatalf("%s (imported by %s): %v", queue[0], linked[queue[0]], err)
		}
		for _, imported := range pkg.Imports {
			if _, seen := linked[imported]; !seen && imported != "C" && !standard(imported) {
				linked[imported] = queue[0]
				queue = append(queue, imported)
			}
		}
	}
	return linked
}

// moduleRoots maps the module and each of its requirements to its folder.
func moduleRoots(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	roots := map[string]string{strings.TrimSuffix(module, "/"): "."}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(strings.TrimPrefix(lines.Text(), "require "))
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") && strings.Contains(fields[0], "/") {
			roots[fields[0]] = filepath.Join(moduleCache(), escape(fields[0])+"@"+fields[1])
		}
	}
	return roots
}

func moduleCache() string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	return filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "pkg", "mod")
}

// escape writes capitals as the module cache does: !a for A.
func escape(modulePath string) string {
	var b strings.Builder
	for _, r := range modulePath {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func packageDir(t *testing.T, roots map[string]string, imported string) string {
	t.Helper()
	longest := ""
	for root := range roots {
		if below(imported, root) && len(root) > len(longest) {
			longest = root
		}
	}
	dir := filepath.Join(roots[longest], strings.TrimPrefix(imported, longest))
	if _, err := os.Stat(dir); longest == "" || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s: in no module of go.mod, or not in the module cache (%s)", imported, moduleCache())
	}
	return dir
}

func below(imported, root string) bool {
	return imported == root || strings.HasPrefix(imported, root+"/")
}
