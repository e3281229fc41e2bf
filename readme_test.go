package otelmon_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeShowsTheQuickstart keeps the README's program the one that is
// compiled and tested.
func TestReadmeShowsTheQuickstart(t *testing.T) {
	readme, program := read(t, "README.md"), read(t, "examples/quickstart/main.go")
	_, rest, _ := strings.Cut(program, "\nfunc run(")
	body, _, found := strings.Cut(rest, "\n}\n")
	if !found {
		t.Fatal("examples/quickstart has no func run")
	}
	if want := "```go\nfunc run(" + body + "\n}\n```"; !strings.Contains(readme, want) {
		t.Errorf("README.md does not show the program as it is:\n%s", want)
	}
}

// TestLinksOfTheDocumentsLead follows every link to a file of the repository.
func TestLinksOfTheDocumentsLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^):#]+)\)`)
	for folder, names := range map[string][]string{
		"":      {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"},
		"docs/": {"design.md", "telemetry.md", "benchmarks.md", "scaling.md"},
	} {
		for _, name := range names {
			for _, m := range link.FindAllStringSubmatch(read(t, folder+name), -1) {
				if _, err := os.Stat(folder + m[1]); err != nil {
					t.Errorf("%s%s: %v", folder, name, err)
				}
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
