package main

import (
	"fmt"
	"strings"
)

// parseEnv reads lines of NAME=value as docker's --env-file and shells do: empty
// lines and comments are passed over, export and quotes around a value are left
// out. Faults show no value.
func parseEnv(content string) ([]string, error) {
	var environ []string
	seen := map[string]int{}
	n := 0
	for line := range strings.Lines(content) {
		n++
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, fmt.Errorf("line %d is not NAME=value", n)
		}
		entry := name + "=" + unquote(strings.TrimSpace(value))
		if i, again := seen[name]; again {
			environ[i] = entry // the last line counts
			continue
		}
		seen[name] = len(environ)
		environ = append(environ, entry)
	}
	return environ, nil
}

func unquote(value string) string {
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		return value[1 : len(value)-1]
	}
	return value
}
