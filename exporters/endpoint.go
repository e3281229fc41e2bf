package exporters

import (
	"cmp"
	"time"
)

// The protocols of [Endpoint.Protocol].
const (
	ProtocolHTTP = "http/protobuf"
	ProtocolGRPC = "grpc"
)

// The compressions of [Endpoint.Compression].
const (
	CompressionNone = "none"
	CompressionGzip = "gzip"
)

const defaultTimeout = 10 * time.Second

// Endpoint is an OTLP receiver and how to reach it. The zero value is a
// collector on this machine, http://localhost:4318 without compression. Only
// http:// and Insecure ask for plain text. The environment is not read, but for
// the proxy variables that [net/http.ProxyFromEnvironment] knows.
type Endpoint struct {
	// URL starts with http:// or https:// and names the receiver. Empty means
	// http://localhost:4318 or, for gRPC, http://localhost:4317. For gRPC it may
	// also be host:port with Insecure.
	URL string
	// Exact sends to URL as it is. Otherwise OTLP over HTTP appends /v1/traces,
	// /v1/metrics or /v1/logs. Without effect for gRPC.
	Exact bool
	// Protocol is ProtocolHTTP, the default, or ProtocolGRPC.
	Protocol string
	// Headers go with every request, for example an API key. Their values are
	// never part of an error.
	Headers map[string]string
	// TokenFile is a file that holds a bearer token, sent as the header
	// Authorization. It is read again when it has changed and when the receiver
	// turns the token down, so that a rotation needs no restart. White space
	// around the token does not count. The token is never part of an error.
	TokenFile string
	// Compression is CompressionNone, the default, or CompressionGzip.
	Compression string
	// Timeout is for one attempt to send a request. 0 means 10 s.
	Timeout time.Duration
	// CertificateFile holds the PEM certificates to trust instead of the
	// system's.
	CertificateFile string
	// ClientCertificateFile and ClientKeyFile hold the PEM pair that the client
	// shows to a server that asks for it.
	ClientCertificateFile string
	ClientKeyFile         string
	// Insecure asks for plain text when a gRPC URL has no scheme.
	Insecure bool
}

// timeout returns the time for one batch.
func (e Endpoint) timeout() time.Duration { return cmp.Or(e.Timeout, defaultTimeout) }
