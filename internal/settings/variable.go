package settings

import (
	"math"
	"slices"
	"strings"
)

// kind says how the text of a variable is read and how much of it is shown.
type kind int

const (
	text       kind = iota // public text: names, hosts, file paths
	boolean                // true or false
	integer                // a whole number from min to max
	limit                  // the same, where the default may be unlimited
	duration               // milliseconds, at least 1: 0 would spin
	timeout                // milliseconds; 0 means no limit
	ratio                  // a number from 0 to 1
	enum                   // one of allowed
	list                   // some of allowed, separated by commas, or none
	address                // a URL; credentials, query and what is unusual in its path are secret
	headers                // key-value pairs; values are secret
	attributes             // key-value pairs; values of well-known keys are public
)

const (
	unlimited = "unlimited"
	none      = "none"

	// maxCount bounds what the SDK allocates at once: it makes room for a whole
	// queue when it starts.
	maxCount = 1 << 20
)

// variable is one name of the specification that is honoured.
type variable struct {
	name     string
	kind     kind
	standard string // the default, as it would be written
	fallback string // the variable that speaks for this one when it is not set
	min, max int
	allowed  []string
	alias    map[string]string // other spellings of allowed values
	refused  map[string]string // values of the specification that are not supported, with the remedy
}

// variables returns everything that is honoured, each fallback before those
// who fall back on it.
func variables() []variable {
	return slices.Concat(general(), batching(), limits(), otlp(), metrics(), outbox())
}

func general() []variable {
	return []variable{
		{name: "OTEL_SDK_DISABLED", kind: boolean, standard: "false"},
		{name: "OTEL_SERVICE_NAME", kind: text},
		{name: "OTEL_RESOURCE_ATTRIBUTES", kind: attributes},
		{
			name: "OTEL_LOG_LEVEL", kind: enum, standard: "info",
			allowed: []string{"trace", "debug", "info", "warn", "error", none},
			alias:   map[string]string{"all": "trace", "verbose": "trace", "warning": "warn", "fatal": "error", "off": none},
		},
		{
			name: "OTEL_PROPAGATORS", kind: list, standard: "tracecontext,baggage",
			allowed: []string{"tracecontext", "baggage", "b3", "b3multi", "jaeger", none},
			refused: map[string]string{"xray": "", "ottrace": ""},
		},
		{
			name: "OTEL_TRACES_SAMPLER", kind: enum, standard: "parentbased_always_on",
			allowed: []string{
				"always_on", "always_off", "traceidratio",
				"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
			},
			refused: map[string]string{"jaeger_remote": "", "parentbased_jaeger_remote": "", "xray": ""},
		},
		{name: "OTEL_TRACES_SAMPLER_ARG", kind: ratio, standard: "1"},
		exporter("OTEL_TRACES_EXPORTER", "zipkin"),
		exporter("OTEL_LOGS_EXPORTER"),
	}
}

func exporter(name string, refused ...string) variable {
	v := variable{
		name: name, kind: list, standard: "otlp",
		allowed: []string{"otlp", "console", none},
		refused: map[string]string{"logging": "write console", "otlp/stdout": "write console"},
	}
	for _, r := range refused {
		v.refused[r] = "send OTLP to a collector"
	}
	return v
}

func batching() []variable {
	return slices.Concat(batch("OTEL_BSP_", "5000"), batch("OTEL_BLRP_", "1000"))
}

func batch(prefix, delay string) []variable {
	return []variable{
		{name: prefix + "SCHEDULE_DELAY", kind: duration, standard: delay, min: 1, max: math.MaxInt32},
		{name: prefix + "EXPORT_TIMEOUT", kind: timeout, standard: "30000", max: math.MaxInt32},
		{name: prefix + "MAX_QUEUE_SIZE", kind: integer, standard: "2048", min: 1, max: maxCount},
		{name: prefix + "MAX_EXPORT_BATCH_SIZE", kind: integer, standard: "512", min: 1, max: maxCount},
	}
}

func limits() []variable {
	const length, count = "ATTRIBUTE_VALUE_LENGTH_LIMIT", "ATTRIBUTE_COUNT_LIMIT"
	all := []variable{
		{name: "OTEL_" + length, standard: unlimited},
		{name: "OTEL_" + count, standard: "128"},
		{name: "OTEL_SPAN_" + length, fallback: "OTEL_" + length},
		{name: "OTEL_SPAN_" + count, fallback: "OTEL_" + count},
		{name: "OTEL_SPAN_ATTRIBUTE_VALUE_DEPTH_LIMIT", standard: "64"},
		{name: "OTEL_SPAN_EVENT_COUNT_LIMIT", standard: "128"},
		{name: "OTEL_SPAN_LINK_COUNT_LIMIT", standard: "128"},
		{name: "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", standard: "128"},
		{name: "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", standard: "128"},
		{name: "OTEL_LOGRECORD_" + length, fallback: "OTEL_" + length},
		{name: "OTEL_LOGRECORD_" + count, fallback: "OTEL_" + count},
		{name: "OTEL_LOGRECORD_ATTRIBUTE_VALUE_DEPTH_LIMIT", standard: "64"},
	}
	for i := range all {
		all[i].kind, all[i].max = limit, math.MaxInt32
	}
	return all
}

// otlp returns the general options of the OTLP exporter, then the same for
// each signal, falling back on the general ones.
func otlp() []variable {
	options := []variable{
		{
			name: "PROTOCOL", kind: enum, standard: protocolHTTP,
			allowed: []string{protocolGRPC, protocolHTTP},
			refused: map[string]string{"http/json": "write http/protobuf"},
		},
		{name: "ENDPOINT", kind: address},
		{name: "HEADERS", kind: headers},
		{name: "COMPRESSION", kind: enum, standard: none, allowed: []string{"gzip", none}},
		{name: "TIMEOUT", kind: timeout, standard: "10000", max: math.MaxInt32},
		{name: "INSECURE", kind: boolean, standard: "false"},
		{name: "CERTIFICATE", kind: text},
		{name: "CLIENT_CERTIFICATE", kind: text},
		{name: "CLIENT_KEY", kind: text},
	}
	var all []variable
	for _, o := range options {
		o.name = otlpPrefix + o.name
		all = append(all, o)
		for _, signal := range Signals() {
			own := o
			own.name = otlpPrefix + string(signal) + "_" + strings.TrimPrefix(o.name, otlpPrefix)
			own.fallback, own.standard = o.name, ""
			all = append(all, own)
		}
	}
	return all
}

func metrics() []variable {
	selected := exporter("OTEL_METRICS_EXPORTER")
	selected.allowed = []string{"otlp", "console", "prometheus", none}
	return []variable{
		selected,
		{name: "OTEL_METRIC_EXPORT_INTERVAL", kind: duration, standard: "60000", min: 1, max: math.MaxInt32},
		{name: "OTEL_METRIC_EXPORT_TIMEOUT", kind: timeout, standard: "30000", max: math.MaxInt32},
		{
			name: "OTEL_METRICS_EXEMPLAR_FILTER", kind: enum, standard: "trace_based",
			allowed: []string{"always_on", "always_off", "trace_based"},
		},
		{
			name: otlpPrefix + "METRICS_TEMPORALITY_PREFERENCE", kind: enum, standard: "cumulative",
			allowed: []string{"cumulative", "delta", "lowmemory"},
		},
		{
			name: otlpPrefix + "METRICS_DEFAULT_HISTOGRAM_AGGREGATION", kind: enum, standard: "explicit_bucket_histogram",
			allowed: []string{"explicit_bucket_histogram", "base2_exponential_bucket_histogram"},
		},
	}
}

// outbox returns what no specification names: what taps see, and how telemetry
// waits for a backend.
func outbox() []variable {
	return []variable{
		{name: "OTELMON_RECORD_ALL", kind: boolean, standard: "false"},
		{name: "OTELMON_OUTBOX_DIR", kind: text},
		{name: "OTELMON_OUTBOX_MAX_BYTES", kind: integer, standard: "268435456", min: 1 << 20, max: math.MaxInt},
		{name: "OTELMON_OUTBOX_MAX_AGE", kind: duration, standard: "86400000", min: 1, max: math.MaxInt},
		{name: "OTELMON_OUTBOX_EACH_SPAN", kind: boolean, standard: "false"},
		{name: "OTELMON_TOKEN_FILE", kind: text},
		{name: "OTELMON_REDACT_KEYS", kind: text},
		{name: "OTELMON_ALLOW_KEYS", kind: text},
		{name: "OTELMON_MAX_VALUE", kind: integer, standard: "16384", min: 64, max: math.MaxInt32},
	}
}
