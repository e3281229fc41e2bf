package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// invented knows names that nobody defined but that are written often, and that
// are too far from the right one to be seen as a slip.
func invented(name string) (meant string, ok bool) {
	const (
		attributes = "it as an attribute into OTEL_RESOURCE_ATTRIBUTES, such as "
		headers    = "it into OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Bearer%20…"
		ratio      = "OTEL_TRACES_SAMPLER=parentbased_traceidratio and the ratio as OTEL_TRACES_SAMPLER_ARG"
	)
	meant, ok = map[string]string{
		"OTEL_SERVICE":                     "OTEL_SERVICE_NAME",
		"OTEL_NAME":                        "OTEL_SERVICE_NAME",
		"OTEL_APP_NAME":                    "OTEL_SERVICE_NAME",
		"OTEL_SERVICE_VERSION":             attributes + "service.version=1.4.0",
		"OTEL_SERVICE_NAMESPACE":           attributes + "service.namespace=shop",
		"OTEL_ENVIRONMENT":                 attributes + "deployment.environment.name=production",
		"OTEL_DEPLOYMENT_ENVIRONMENT":      attributes + "deployment.environment.name=production",
		"OTEL_TAGS":                        "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_ATTRIBUTES":                  "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_RESOURCE":                    "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_ENDPOINT":                    "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_URL":                         "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_HOST":                        "OTEL_EXPORTER_OTLP_ENDPOINT, a URL",
		"OTEL_OTLP_ENDPOINT":               "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_ENDPOINT":           "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_URL":           "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_COLLECTOR_ENDPOINT":          "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_COLLECTOR_URL":               "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_PROTOCOL":                    "OTEL_EXPORTER_OTLP_PROTOCOL",
		"OTEL_HEADERS":                     "OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_TOKEN":                       headers,
		"OTEL_API_KEY":                     headers,
		"OTEL_EXPORTER_OTLP_API_KEY":       headers,
		"OTEL_EXPORTER_OTLP_TOKEN":         headers,
		"OTEL_EXPORTER":                    "OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER",
		"OTEL_SAMPLER":                     "OTEL_TRACES_SAMPLER",
		"OTEL_SAMPLER_RATIO":               ratio,
		"OTEL_SAMPLING_RATIO":              ratio,
		"OTEL_SAMPLE_RATE":                 ratio,
		"OTEL_TRACES_SAMPLER_RATIO":        ratio,
		"OTEL_TRACE_SAMPLE_RATE":           ratio,
		"OTEL_ENABLED":                     "OTEL_SDK_DISABLED=true to switch off",
		"OTEL_TRACES_ENABLED":              "OTEL_TRACES_EXPORTER=none to switch off",
		"OTEL_METRICS_ENABLED":             "OTEL_METRICS_EXPORTER=none to switch off",
		"OTEL_LOGS_ENABLED":                "OTEL_LOGS_EXPORTER=none to switch off",
		"OTEL_METRICS_EXPORT_INTERVAL":     "OTEL_METRIC_EXPORT_INTERVAL",
		"OTEL_EXPORTER_OTLP_CA_CERT":       "OTEL_EXPORTER_OTLP_CERTIFICATE, a PEM file",
		"OTEL_EXPORTER_OTLP_TLS_CA":        "OTEL_EXPORTER_OTLP_CERTIFICATE, a PEM file",
		"OTEL_EXPORTER_OTLP_AUTHORIZATION": headers,
	}[name]
	return meant, ok
}

// Lookalikes warns of variables that would have an effect if they began with
// OTEL_ or were written as they are defined: OTLP_ENDPOINT, oTEL_SERVICE_NAME,
// OETL_SDK_DISABLED. [Resolve] leaves them to whoever they may belong to.
func Lookalikes(environ []string) []error {
	known := map[string]variable{}
	for _, v := range variables() {
		known[v.name] = v
	}
	var warnings []error
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) || strings.HasPrefix(name, ownPrefix) {
			continue
		}
		if meant := lookalike(name, known); meant != "" {
			warnings = append(warnings, fmt.Errorf("%s has no effect; write %s if that is meant", quote(name), meant))
		}
	}
	return warnings
}

func lookalike(name string, known map[string]variable) string {
	const slip = 2 // more, and the variables of others are taken for ours
	upper := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", " ", "").Replace(strings.TrimPrefix(name, "export ")))
	if _, ok := known[upper]; ok {
		return upper
	}
	if strings.Contains(upper, "OTLP") { // SERVICE_NAME and LOG_LEVEL are anybody's
		for _, missing := range []string{"OTEL_", "OTEL_EXPORTER_"} {
			if _, ok := known[missing+upper]; ok {
				return missing + upper
			}
		}
	}
	if !strings.HasPrefix(upper, "O") && !strings.Contains(upper, "TEL_") {
		return "" // nobody's slip; saves comparing the whole environment
	}
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		if far := len(candidate) - len(upper); far <= slip && far >= -slip && distance(upper, candidate) <= slip {
			return candidate
		}
	}
	return ""
}
