package otelmon_test

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// readTelemetry reads the tables of docs/telemetry.md. A table is known by its
// first column's title, a row's first cell is the name; in the attributes each
// name stands in backquotes. Rows that end in "Linux only." count there only.
func readTelemetry(t *testing.T) map[string]map[string]signal {
	t.Helper()
	text, err := os.ReadFile("docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]signal{"metric": {}, "span": {}, "event": {}}
	var section string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case len(cells) < 4:
			section = ""
		case all[cells[0]] != nil:
			section = cells[0]
		case section == "" || strings.HasPrefix(cells[0], "-"):
		case runtime.GOOS != "linux" && strings.HasSuffix(cells[len(cells)-1], "Linux only."):
		default:
			s := signal{kind: cells[1]}
			attributes := cells[2]
			if section == "metric" {
				s.unit, attributes = strings.Trim(cells[2], "`"), cells[3]
			}
			for _, m := range code.FindAllStringSubmatch(attributes, -1) {
				s.attributes = append(s.attributes, m[1])
			}
			slices.Sort(s.attributes)
			all[section][strings.Trim(cells[0], "`")] = s
		}
	}
	return all
}
