package exporters_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/exporters"
)

// The texts are what the layers below wrote when it was tried.
func TestExplain(t *testing.T) {
	for text, want := range map[string]string{
		`Post "https://localhost:4318/v1/traces": http: server gave HTTP response to HTTPS client`: "write http://",
		`Post "https:///v1/traces": http: no Host in request URL`:                                  "write it as http://localhost:4318",
		`net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x00\x00\x06"`:   "port 4318",
		`http2: frame too large, note that the frame header looked like an HTTP/1.1 header`:        "port 4317",
		`authentication handshake failed: tls: first record does not look like a TLS handshake`:    "write http://",
		`dial tcp 127.0.0.1:4318: connect: connection refused`:                                     "start the collector",
		`context deadline exceeded: rpc error: dial tcp: connect: connection refused`:              "start the collector",
		`failed to send to https://h: 401 Unauthorized (body: no)`:                                 "credentials",
		`rpc error: code = PermissionDenied desc = no`:                                             "rights",
		`failed to send to https://h: 404 Not Found (body: no)`:                                    "/v1/traces",
		`failed to send to https://h: 413 Request Entity Too Large (body: no)`:                     "smaller",
		`rpc error: code = ResourceExhausted desc = grpc: received message larger than max`:        "smaller",
		`rpc error: code = ResourceExhausted desc = quota`:                                         "takes no more",
		`OTLP partial success: too old (2 spans rejected)`:                                         "rejected some items",
		`http: server closed idle connection`:                                                      "broke the connection",
		`303 See Other`:                                                                            "redirect",
		`402 Payment Required: over`:                                                               "plan",
		`415 Unsupported Media Type`:                                                               "protobuf",
		`<title>400 The plain HTTP request was sent to HTTPS port</title>`:                         "write https://",
		`TokenFile /t is empty`:                                                                    "bearer token",
		`certificates stay as they were: ClientCertificateFile a and ClientKeyFile b are no pair`:  "fit each other",
		`string field contains invalid UTF-8`:                                                      "UTF-8",
		`something nobody has seen`:                                                                "",
		strings.Repeat("x", 1<<20) + "connection refused":                                          "",
	} {
		if got := exporters.Explain(errors.New(text)); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%.80s: %q, want %q in it", text, got, want)
		}
	}
	if got := exporters.Explain(nil); got != "" {
		t.Errorf("no error means %q", got)
	}
}

func ExampleExplain() {
	err := errors.New(`Post "https://localhost:4318/v1/traces": http: server gave HTTP response to HTTPS client`)
	fmt.Println(exporters.Explain(err))
	// Output: The receiver speaks plain text, but the URL says https://; write http://.
}
