package e2e

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// A backend is a program that the tests run but Go does not build on the way.
type backend struct {
	names []string // any of them
	where string   // glob of a folder off the PATH
	from  string   // how to get it
}

const made = "make backends"

var (
	promtool        = backend{names: []string{"promtool"}, from: made}
	grpcHealthProbe = backend{names: []string{"grpc-health-probe"}, from: made}
)

func debian(name string) string { return "the Debian package " + name }

// path finds the program. Without it the test is skipped, or fails where
// E2E_BACKENDS=required tells that all have to be there, as in CI.
func (b backend) path(t *testing.T) string {
	t.Helper()
	folders, _ := filepath.Glob(cmp.Or(b.where, "../bin"))
	slices.Reverse(folders) // the newest version, where they have numbers
	for _, name := range b.names {
		for _, folder := range folders {
			if file, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				file, err = filepath.Abs(file)
				if err != nil {
					t.Fatal(err)
				}
				return file
			}
		}
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	complain := t.Skipf
	if os.Getenv("E2E_BACKENDS") == "required" {
		complain = t.Fatalf
	}
	complain("%s is missing; it comes from %s", b.names[0], b.from)
	return ""
}
