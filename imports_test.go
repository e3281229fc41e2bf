package otelmon_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/otelmon/otelmon-go/"
	otel   = "go.opentelemetry.io/otel"
)

// rules is the import graph of the repository: a folder, and the only packages
// outside the standard library that its code (tests aside) may import. A
// trailing slash allows everything below.
func rules() map[string][]string {
	api := []string{
		otel, otel + "/attribute", otel + "/codes", otel + "/metric/", otel + "/metric", otel + "/trace/", otel + "/trace",
		otel + "/log/", otel + "/log", otel + "/propagation", module + "internal/keys",
	}
	return map[string][]string{
		"internal/files":           {},
		"internal/files/filestest": {module + "internal/files"},                                                                                                       // tests only: no other rule names it
		"internal/faultcases":      {otel + "/", module + "bulk", module + "console/store", module + "health", module + "internal/keys", module + "internal/taptest"}, // tests only: no other rule names it
		"internal/keys":            {otel + "/attribute"},
		"internal/goruntime":       {otel + "/", module + "internal/keys"},
		"internal/sanitize":        {otel + "/attribute"},
		"internal/settings":        {},
		"internal/loopback":        {}, // tests only: no other rule names it, but for oteltest
		"internal/endpoint":        {module + "exporters", module + "internal/settings"},
		"internal/simulate":        {},                                                                                                                                                                                                                                      // tests only: no other rule names it
		"internal/taptest":         {otel, otel + "/", module + "internal/keys"},                                                                                                                                                                                            // tests only, too
		"internal/oteltest":        append([]string{"go.opentelemetry.io/proto/otlp/", "google.golang.org/genproto/googleapis/rpc/", "google.golang.org/grpc", "google.golang.org/grpc/", "google.golang.org/protobuf/", otel + "/", module + "internal/loopback"}, api...), // tests only: no other rule names it
		"health":                   api,
		"health/checkers":          {module + "health", otel + "/attribute"},
		"health/healthgrpc":        {module + "health", "google.golang.org/grpc", "google.golang.org/grpc/"},
		"health/alert":             append([]string{module + "health"}, api...),
		"health/healthtest":        {},
		"bulk":                     append([]string{"golang.org/x/time/rate", otel + "/baggage"}, api...),
		"exporters": {
			otel, otel + "/", "google.golang.org/grpc", "google.golang.org/grpc/", "golang.org/x/net/http/httpguts", "github.com/klauspost/compress/s2",
			"go.opentelemetry.io/proto/otlp/", "google.golang.org/protobuf/", "google.golang.org/genproto/googleapis/rpc/",
			module + "exporters/spool", module + "internal/files", module + "internal/keys", module + "internal/sanitize",
		},
		"doctor": {
			module + "exporters", module + "exporters/spool", module + "health/checkers", module + "internal/endpoint", module + "internal/keys", module + "internal/settings",
		},
		"drill": {
			otel + "/", "go.opentelemetry.io/proto/otlp/", "google.golang.org/grpc/", "google.golang.org/protobuf/", "google.golang.org/genproto/googleapis/rpc/",
			module + "exporters", module + "internal/endpoint", module + "internal/keys", module + "internal/settings",
		},
		"exporters/spool": {module + "internal/files"},
		"exporters/prometheus": {
			otel, otel + "/", "github.com/prometheus/client_golang/", module + "internal/goruntime",
		},
		"otelmon": {
			otel, otel + "/", "go.opentelemetry.io/contrib/",
			"github.com/lmittmann/tint", "github.com/go-logr/logr", "golang.org/x/term",
			module + "exporters", module + "internal/endpoint", module + "internal/goruntime", module + "internal/keys", module + "internal/settings",
		},
		"internal/announce": {},
		"internal/figure":   {module + "console/store"},
		"internal/pace":     {},
		"internal/view":     {module + "console/store", module + "console/diagnosis", module + "internal/figure", module + "internal/keys", "golang.org/x/text/width"},
		"console":           {otel, otel + "/", module + "internal/announce", module + "internal/figure", module + "internal/keys", module + "internal/pace", module + "console/store", module + "console/diagnosis"},
		"console/store":     {otel, otel + "/", module + "internal/keys", module + "internal/pace", module + "internal/sanitize"},
		"console/diagnosis": {otel + "/trace", module + "internal/figure", module + "internal/keys", module + "console/store"},
		"console/mcp": {
			otel + "/trace", "github.com/modelcontextprotocol/go-sdk/", "github.com/google/pprof/profile",
			module + "console", module + "console/", module + "internal/keys",
		},
		"cmd/otelmon": {
			module + "otelmon", module + "health", module + "health/", module + "bulk",
			module + "exporters", module + "exporters/", module + "console", module + "console/", module + "doctor", module + "drill", module + "internal/announce", module + "internal/view",
			"golang.org/x/term", "github.com/modelcontextprotocol/go-sdk/",
		},
	}
}

// TestImports parses the files instead of asking `go list`: what a child
// process reads is unknown to the test cache, which would go on answering "ok"
// after a forbidden import was added.
func TestImports(t *testing.T) {
	allowed := rules()
	for dir, files := range packages(t) {
		t.Run(dir, func(t *testing.T) {
			permitted, ok := allowed[dir]
			if !ok {
				t.Fatalf("%s has no rule: say in rules() what it may import", dir)
			}
			for _, name := range files {
				for _, imported := range imports(t, name) {
					if !allows(permitted, imported) {
						t.Errorf("%s imports %s, which the import graph does not allow", name, imported)
					}
				}
			}
		})
	}
}

// packages lists the Go files of every folder of this module, tests aside.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipDir(name)
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			dir := path.Dir(filepath.ToSlash(name))
			found[dir] = append(found[dir], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("no Go files found below the root of the module")
	}
	return found
}

func skipDir(name string) error {
	base := filepath.Base(name)
	if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); name != "." && err == nil {
		return fs.SkipDir // a module of its own
	}
	return nil
}

// imports lists what the file imports from outside the standard library.
func imports(t *testing.T, name string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !standard(imported) {
			found[imported] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func allows(permitted []string, imported string) bool {
	return slices.ContainsFunc(permitted, func(rule string) bool {
		return imported == rule || strings.HasSuffix(rule, "/") && strings.HasPrefix(imported, rule)
	})
}
