package exporters

import (
	"slices"
	"strings"
)

// symptom is a text that some layer below writes, and what it means.
type symptom struct {
	text    string
	meaning string
}

// Explain says in one sentence what an error of an export means and what to
// change. It returns "" for nil and for errors it does not know.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	text := cut(err.Error(), maxRaw)
	for _, s := range symptoms() {
		if strings.Contains(text, s.text) {
			return s.meaning
		}
	}
	return ""
}

// isMisconfigured reports whether the text of a failed connection is that of a
// fault which waiting does not heal: a wrong port, protocol or certificate. A
// connection that was closed without a word is none; a proxy does that while
// the receiver restarts.
func isMisconfigured(text string) bool {
	for _, s := range slices.Concat(mixUps(), certificates()) {
		if s.text != closedAtOnce && strings.Contains(text, s.text) {
			return true
		}
	}
	return false
}

// symptoms lists what was seen on the wire, the most telling first.
func symptoms() []symptom {
	return slices.Concat(mixUps(), certificates(), answers(), connections())
}

func mixUps() []symptom {
	return []symptom{
		{"server gave HTTP response to HTTPS client", "The receiver speaks plain text, but the URL says https://; write http://."},
		{"no Host in request URL", "The URL has no scheme or host; write it as http://localhost:4318."},
		{"malformed HTTP response", portOfGRPC},
		{"readLoopPeekFailLocked: %!w(<nil>)", portOfGRPC}, // the receiver spoke before it was asked
		{"looked like an HTTP/1.1 header", "OTLP over gRPC was sent to an HTTP port; write port 4317 or set the protocol to http/protobuf."},
		{"first record does not look like a TLS handshake", "The receiver speaks plain text, but the URL says https://; write http://."},
		{closedAtOnce, "The receiver closed the gRPC connection at once; it may expect TLS, then write https://, or speak only HTTP, then set the protocol to http/protobuf."},
		{"Client sent an HTTP request to an HTTPS server", "The receiver expects TLS; write https://."},
		{"plain HTTP request was sent to HTTPS port", "The receiver expects TLS; write https://."},
		{"protocol version not supported", "The receiver speaks only versions of TLS older than 1.2, which is not safe; update it."},
		{"unrecognized name", "The receiver knows no host of this name; write the name that its certificate was made for."},
		{"tls: handshake failure", "The receiver broke the TLS handshake off; it may ask for a client certificate or know no cipher of this client."},
		{"unexpected HTTP status code received from server", "The receiver answers gRPC with plain HTTP; write the port of OTLP over gRPC, usually 4317, or set the protocol to http/protobuf."},
		{"Unimplemented", "The server speaks gRPC but is no OTLP receiver for this signal; check host, port and which signals it takes."},
	}
}

func certificates() []symptom {
	return []symptom{
		{"certificate signed by unknown authority", "The receiver's certificate comes from an authority this machine does not trust; give its CA in CertificateFile (OTEL_EXPORTER_OTLP_CERTIFICATE)."},
		{"certificate has expired or is not yet valid", "The receiver's certificate is out of date; renew it or check this machine's clock."},
		{"certificate is valid for", "The receiver's certificate is for another host name; write the name that it was made for."},
		{"cannot validate certificate for", "The receiver's certificate is for another host name; write the name that it was made for."},
		{"certificate required", "The receiver asks for a client certificate; give ClientCertificateFile and ClientKeyFile (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _KEY)."},
		{"bad certificate", "The receiver turned the client certificate down; give one from an authority that it trusts."},
		{"unknown certificate authority", "The receiver turned the client certificate down; give one from an authority that it trusts."},
	}
}

func answers() []symptom {
	return []symptom{
		{"OTLP partial success", "The backend took the batch but rejected some items; its message says which."},
		{"401 Unauthorized", unauthorized},
		{"Unauthenticated", unauthorized},
		{"403 Forbidden", forbidden},
		{"PermissionDenied", forbidden},
		{"404 Not Found", "The server has no OTLP receiver at this path; the usual ones are /v1/traces, /v1/metrics and /v1/logs, which are appended unless Exact is set."},
		{"405 Method Not Allowed", "The server has no OTLP receiver at this path; check host, port and path."},
		{"413 Request Entity Too Large", tooLarge},
		{"larger than max", tooLarge},
		{"request body too large", tooLarge},
		{"request message too large", tooLarge},
		{"400 Bad Request", "The backend could not read the request or does not accept its content; its message says why."},
		{"InvalidArgument", "The backend could not read the request or does not accept its content; its message says why."},
		{"402 Payment Required", "The backend takes no more on this account; check its plan and its bills."},
		{"407 Proxy Authentication Required", "The proxy wants credentials; write them into HTTPS_PROXY or HTTP_PROXY."},
		{"415 Unsupported Media Type", "The server takes no protobuf at this path, so it is no OTLP receiver; check host, port and path."},
		{"429 Too Many Requests", throttled},
		{"ResourceExhausted", throttled},
		{"301 Moved Permanently", redirected},
		{"302 Found", redirected},
		{"303 See Other", redirected},
		{"Temporary Redirect", redirected},
		{"Permanent Redirect", redirected},
		{"contains invalid UTF-8", "An attribute, name or message is not valid UTF-8, which costs the whole batch; repair it where it is recorded."},
	}
}

func connections() []symptom {
	return []symptom{
		{"TokenFile", "The file with the bearer token cannot be used; the message says why. What was read before stays in use."},
		{"certificates stay as they were", "The certificate files have changed but cannot be used; give certificate and key that fit each other."},
		{"connection refused", "Nothing listens at the endpoint; start the collector there (inside a container write its service name instead of localhost), or send nothing with OTEL_TRACES_EXPORTER=none and the same for METRICS and LOGS."},
		{"no such host", unknownHost},
		{"produced zero addresses", unknownHost},
		{"network is unreachable", "There is no route to the endpoint; check network and firewall."},
		{"no route to host", "There is no route to the endpoint; check network and firewall."},
		{"connection reset by peer", brokenOff},
		{"broken pipe", brokenOff},
		{notEstablished, brokenOff},
		{"server closed idle connection", brokenOff},
		{"GOAWAY", brokenOff},
		{": EOF", brokenOff},
		{"unexpected EOF", brokenOff},
		{"exporter did not end in time", slow},
		{"exporter hangs in an earlier batch", slow},
		{"export not tried", givenUp},
		{"deadline exceeded", slow},
		{"DeadlineExceeded", slow},
		{"export timeout", slow},
		{"i/o timeout", slow},
		{"context canceled", givenUp},
		{"exporter panicked", "The exporter has a bug; the batch was lost, the program goes on."},
	}
}

// closedAtOnce is what gRPC says when the receiver hangs up.
const closedAtOnce = "error reading server preface: EOF"

// notEstablished is what HTTP/2 says when the receiver breaks off a connection
// that has just come about.
const notEstablished = "client conn could not be established"

const (
	portOfGRPC   = "OTLP over HTTP was sent to a gRPC port; write port 4318 or set the protocol to grpc."
	unauthorized = "The backend wants credentials; check the API key or token in Headers (OTEL_EXPORTER_OTLP_HEADERS)."
	forbidden    = "The backend knows the credentials but does not let them write; check the token's rights and its tenant."
	tooLarge     = "The request is larger than the backend takes; make batches or attributes smaller."
	throttled    = "The backend takes no more for now; send less or raise its limits."
	redirected   = "The server answered with a redirect, which is not followed because it would carry the headers elsewhere; write the final URL."
	unknownHost  = "The endpoint's host name is not known; check its spelling and the DNS."
	brokenOff    = "The receiver broke the connection off; it may be restarting, speak another protocol, or ask for TLS or a client certificate."
	givenUp      = "The export was given up before the receiver answered; give Shutdown or Flush more time, or find out why the receiver is slow."
	slow         = "The receiver did not answer in time; check that it runs and is reachable, or raise the timeout."
)
