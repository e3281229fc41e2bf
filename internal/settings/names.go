package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkNames warns of every OTEL_ and OTELMON_ variable that has no effect: those
// of the specification that are not supported and those that nobody knows.
func (r *resolver) checkNames() {
	for _, name := range slices.Sorted(maps.Keys(r.env)) {
		if _, ok := r.known[name]; ok || isForeign(name) || isServiceLink(name, r.env[name]) {
			continue
		}
		r.set.warnings = append(r.set.warnings, r.unknown(name))
	}
}

func (r *resolver) unknown(name string) error {
	if remedy, ok := unsupported(name); ok {
		return fmt.Errorf("%s is not supported and has no effect; %s", quote(name), remedy)
	}
	if meant, ok := invented(name); ok {
		return fmt.Errorf("%s is unknown and has no effect; write %s", quote(name), meant)
	}
	if near := r.nearest(name); near != "" {
		return fmt.Errorf("%s is unknown and has no effect; did you mean %s?", quote(name), near)
	}
	return fmt.Errorf("%s is unknown and has no effect; remove it or correct its name", quote(name))
}

// unsupported knows the variables that the specification defines or defined
// and that have no effect here.
func unsupported(name string) (remedy string, ok bool) {
	const (
		file   = "set the OTEL_ variables themselves or configure in code"
		scrape = "give exporters/prometheus as a tap and serve it on an address of your own"
	)
	remedies := map[string]string{
		"OTEL_CONFIG_FILE":                      file,
		"OTEL_EXPERIMENTAL_CONFIG_FILE":         file,
		"OTEL_ENTITIES":                         "write OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_METRICS_PRODUCERS":                "register producers in code",
		"OTEL_EXPORTER_PROMETHEUS_HOST":         scrape,
		"OTEL_EXPORTER_PROMETHEUS_PORT":         scrape,
		"OTEL_EXPORTER_OTLP_SPAN_INSECURE":      "write OTEL_EXPORTER_OTLP_TRACES_INSECURE",
		"OTEL_EXPORTER_OTLP_METRIC_INSECURE":    "write OTEL_EXPORTER_OTLP_METRICS_INSECURE",
		"OTEL_EXPORTER_OTLP_SPAN_CERTIFICATE":   "write OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
		"OTEL_EXPORTER_OTLP_METRIC_CERTIFICATE": "write OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
	}
	if remedy, ok = remedies[name]; ok {
		return remedy, true
	}
	for _, exporter := range []string{"OTEL_EXPORTER_ZIPKIN_", "OTEL_EXPORTER_JAEGER_"} {
		if strings.HasPrefix(name, exporter) {
			return "send OTLP to a collector", true
		}
	}
	return "", false
}

// isForeign reports whether a name belongs to somebody else: the Go SDK's own
// switches, other languages, instrumentations, operators and the command otelmon.
func isForeign(name string) bool {
	if name == ownPrefix+"CONSOLE_URL" || name == ownPrefix+"CONSOLE_TOKEN" {
		return true
	}
	for _, owner := range []string{
		"GO_", "INSTRUMENTATION_", "SEMCONV_", "RESOURCE_ATTRIBUTES_", "RESOURCE_PROVIDERS_", "EBPF_", "OPERATOR_",
		"CPP_", "DOTNET_", "ERLANG_", "JAVA_", "JAVAAGENT_", "NODE_", "PHP_", "PYTHON_", "RUBY_", "RUST_", "SWIFT_",
		"POD_", "INJECTOR_",
	} {
		if strings.HasPrefix(name[len(prefix):], owner) {
			return true
		}
	}
	return false
}

// isServiceLink reports whether a variable is one of those that Kubernetes sets
// in every pod beside a service called otel-something.
func isServiceLink(name, value string) bool {
	if strings.Contains(value, "://") && strings.HasSuffix(name, "_PORT") {
		return true
	}
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.HasSuffix(name, "_SERVICE_PORT") || strings.Contains(name, "_SERVICE_PORT_") ||
		strings.Contains(name, "_TCP") || strings.Contains(name, "_UDP")
}

// nearest returns the known name with the fewest letters to change, if they
// are few enough for a slip.
func (r *resolver) nearest(name string) string {
	const longest = 80 // no known name comes near; bounds the work on hostile input
	if len(name) > longest {
		return ""
	}
	best, fewest := "", len(name)/5+2
	for _, candidate := range slices.Sorted(maps.Keys(r.known)) {
		if d := distance(name, candidate); d < fewest || d == fewest && best == "" {
			best, fewest = candidate, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace to get from a
// to b.
func distance(a, b string) int {
	last, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
		}
		last, row = row, last
	}
	return last[len(b)]
}
