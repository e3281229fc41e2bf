// Command dashboards writes deploy/grafana/dashboards: what Grafana shows of a
// service that uses otelmon. Names come from internal/keys, their units and
// kinds from docs/telemetry.md.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(filepath.Join("..", "..", "..")); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// run writes the dashboards of the repository at root.
func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	var errs []error
	for name, content := range files {
		errs = append(errs, os.WriteFile(filepath.Join(root, folder, name), content, 0o644)) //nolint:gosec // they are source files like the others
	}
	return errors.Join(errs...)
}

const folder = "deploy/grafana/dashboards"

// generate returns the dashboards by file name, the same bytes for the same names.
func generate(root string) (map[string][]byte, error) {
	n, err := readNames(filepath.Join(root, "docs", "telemetry.md"))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for name, build := range map[string]func(*names) *page{
		"overview.json": overview,
		"health.json":   checks,
		"bulk.json":     operations,
		"delivery.json": delivery,
	} {
		if files[name], err = encode(build(n)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, errors.Join(n.faults...)
}
