package settings

import "time"

// Signal is the part of a variable's name that stands for a signal.
type Signal string

// The three signals, as they are written in variable names.
const (
	Traces  Signal = "TRACES"
	Metrics Signal = "METRICS"
	Logs    Signal = "LOGS"
)

// Signals returns the three signals.
func Signals() []Signal { return []Signal{Traces, Metrics, Logs} }

// OTLP is where and how one signal leaves the process.
type OTLP struct {
	// Endpoint is the URL as it was given, or the default of the protocol.
	Endpoint string
	// Exact is true when the URL belongs to this signal alone, so that nothing
	// may be appended to it. It is false for the general one, to which OTLP
	// over HTTP appends /v1/traces, /v1/metrics or /v1/logs.
	Exact bool
	// Protocol is grpc or http/protobuf.
	Protocol string
	// Headers go with every request. They are secret.
	Headers map[string]string
	// Compression is gzip or none.
	Compression string
	// Timeout is for one batch, retries included. It is never 0; no limit is
	// written as 24 days.
	Timeout time.Duration
	// Insecure asks for plain text to a gRPC endpoint without scheme.
	Insecure bool

	CertificateFile       string
	ClientCertificateFile string
	ClientKeyFile         string
}

// OTLP returns how the signal is to be exported. It falls back from the
// signal's own variables to the general ones to the defaults.
func (s *Set) OTLP(signal Signal) OTLP {
	name := func(option string) string { return otlpPrefix + string(signal) + "_" + option }
	return OTLP{
		Endpoint:              s.String(name("ENDPOINT")),
		Exact:                 s.values[name("ENDPOINT")].own,
		Protocol:              s.String(name("PROTOCOL")),
		Headers:               s.Map(name("HEADERS")),
		Compression:           s.String(name("COMPRESSION")),
		Timeout:               s.Duration(name("TIMEOUT")),
		Insecure:              s.Bool(name("INSECURE")),
		CertificateFile:       s.String(name("CERTIFICATE")),
		ClientCertificateFile: s.String(name("CLIENT_CERTIFICATE")),
		ClientKeyFile:         s.String(name("CLIENT_KEY")),
	}
}

// Exporters returns the names of the signal's exporters in the order given,
// without duplicates: otlp, console and, for metrics, prometheus. It is empty
// for none.
func (s *Set) Exporters(signal Signal) []string {
	return s.List("OTEL_" + string(signal) + "_EXPORTER")
}
