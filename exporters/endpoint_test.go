package exporters_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
)

func TestValidateAccepts(t *testing.T) {
	a := authority(t)
	for name, e := range map[string]exporters.Endpoint{
		"zero value":           {},
		"zero value over gRPC": {Protocol: exporters.ProtocolGRPC},
		"asked-for plain text": {URL: "http://collector:4318"},
		"plain gRPC by flag":   {URL: "collector:4317", Protocol: exporters.ProtocolGRPC, Insecure: true},
		"http and insecure":    {URL: "http://collector:4317", Protocol: exporters.ProtocolGRPC, Insecure: true},
		"TLS without port":     {URL: "https://otlp.example.com", Protocol: exporters.ProtocolGRPC},
		"IPv6":                 {URL: "http://[::1]:4318"},
		"the signal's own URL": {URL: "https://otlp.example.com/v1/traces", Exact: true},
		"own CA":               {URL: "https://otlp.example.com", CertificateFile: a.CAFile},
		"client certificate":   {URL: "https://otlp.example.com", ClientCertificateFile: a.ClientCertFile, ClientKeyFile: a.ClientKeyFile},
		"headers":              {Headers: map[string]string{"Authorization": "Bearer x", "X-Tenant_1": "ä"}},
	} {
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateFaults(t *testing.T) {
	a := authority(t)
	missing := filepath.Join(t.TempDir(), "missing.pem")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	const grpc = exporters.ProtocolGRPC
	for _, c := range []struct {
		field    string
		endpoint exporters.Endpoint
		want     string
	}{
		{"URL", exporters.Endpoint{URL: "localhost:4318"}, `URL "localhost:4318" has no scheme; write http://localhost:4318`},
		{"URL", exporters.Endpoint{URL: "127.0.0.1:4318"}, `write http://127.0.0.1:4318`},
		{"URL", exporters.Endpoint{URL: "collector:4318"}, `write https://collector:4318 or, for plain text, http://collector:4318`},
		{"URL", exporters.Endpoint{URL: "collector:4317", Protocol: grpc}, `has no scheme`},
		{"URL", exporters.Endpoint{URL: "collector:4318", Insecure: true}, `has no scheme`},
		{"URL", exporters.Endpoint{URL: "u:s3cret@collector:4318/s3cret?s3cret"}, `URL "collector:4318" has no scheme`},
		{"URL", exporters.Endpoint{URL: "ftp://collector"}, `scheme "ftp" is unknown; write http:// or https://`},
		{"URL", exporters.Endpoint{URL: "http://"}, `names no host`},
		{"URL", exporters.Endpoint{URL: "http://:4318"}, `names no host`},
		{"URL", exporters.Endpoint{URL: "http://host:s3cret"}, `cannot be read: invalid port`},
		{"URL", exporters.Endpoint{URL: "http://ho st"}, `cannot be read`},
		{"URL", exporters.Endpoint{URL: "http://u:s3cret%zz@host"}, `cannot be read`},
		{"URL", exporters.Endpoint{URL: "http://\x00"}, `cannot be read`},
		{"URL", exporters.Endpoint{URL: "https://u:s3cret@host/s3cret"}, `URL https://host holds credentials; send them in Headers`},
		{"URL", exporters.Endpoint{URL: "https://host/?key=s3cret"}, `URL https://host has a query`},
		{"Insecure", exporters.Endpoint{URL: "https://host:4318", Insecure: true}, `means TLS, but Insecure is set`},
		{"URL", exporters.Endpoint{URL: "http://host:4317"}, `has the port of OTLP over gRPC`},
		{"URL", exporters.Endpoint{URL: "http://host:4318", Protocol: grpc}, `has the port of OTLP over HTTP`},
		{"URL", exporters.Endpoint{URL: "http://host", Protocol: grpc}, `has no port; write http://host:4317`},
		{"URL", exporters.Endpoint{URL: "http://host:4318/v1/logs/"}, `ends in /v1/logs, which is appended anyway`},
		{"URL", exporters.Endpoint{URL: "http://host:4318", CertificateFile: a.CAFile}, `means plain text, but certificate files are given`},
		{"CertificateFile", exporters.Endpoint{URL: "https://host", CertificateFile: missing}, missing},
		{"CertificateFile", exporters.Endpoint{URL: "https://host", CertificateFile: empty}, `holds no certificate`},
		{"ClientCertificateFile", exporters.Endpoint{URL: "https://host", ClientCertificateFile: a.ClientCertFile}, `without ClientKeyFile`},
		{"ClientKeyFile", exporters.Endpoint{URL: "https://host", ClientKeyFile: a.ClientKeyFile}, `without ClientCertificateFile`},
		{"ClientCertificateFile", exporters.Endpoint{URL: "https://host", ClientCertificateFile: a.CAFile, ClientKeyFile: a.ClientKeyFile}, `are no pair`},
		{"ClientCertificateFile", exporters.Endpoint{URL: "https://host", ClientCertificateFile: missing, ClientKeyFile: a.ClientKeyFile}, missing},
		{"ClientKeyFile", exporters.Endpoint{URL: "https://host", ClientCertificateFile: a.ClientCertFile, ClientKeyFile: missing}, missing},
		{"Protocol", exporters.Endpoint{Protocol: "http/json"}, `protocol "http/json" is unknown; write http/protobuf or grpc`},
		{"Compression", exporters.Endpoint{Compression: "zstd"}, `compression "zstd" is unknown; write gzip or none`},
		{"Timeout", exporters.Endpoint{Timeout: -time.Second}, `timeout -1s is negative`},
		{"Headers", exporters.Endpoint{Headers: map[string]string{"a b": "s3cret"}}, `header name "a b" is not valid`},
		{"Headers", exporters.Endpoint{Headers: map[string]string{"": "s3cret"}}, `header name "" is not valid`},
		{"Headers", exporters.Endpoint{Headers: map[string]string{"a": "s3cret\r\nb: c"}}, `value of header a has a control character`},
		{"Headers", exporters.Endpoint{Protocol: grpc, Headers: map[string]string{"a": "s3crät"}}, `not printable ASCII`},
		{"Headers", exporters.Endpoint{Protocol: grpc, Headers: map[string]string{"grpc-timeout": "1"}}, `reserved by gRPC`},
		{"Headers", exporters.Endpoint{Protocol: grpc, Headers: map[string]string{"a!": "1"}}, `not valid for gRPC`},
	} {
		err := c.endpoint.Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q in it", c.endpoint.URL, err, c.want)
			continue
		}
		if got, ok := errors.AsType[*exporters.FieldError](err); !ok || got.Field != c.field || !errors.Is(got, got.Err) || got.Error() != err.Error() {
			t.Errorf("%v: of the field %+v, want %s", err, got, c.field)
		}
		if strings.Contains(err.Error(), "s3cret") || strings.ContainsAny(err.Error(), "\r\x00") {
			t.Errorf("a secret or a control character is shown: %q", err)
		}
	}
}

func TestValidateJoinsFaults(t *testing.T) {
	err := exporters.Endpoint{
		URL: "https://host:4317?q", Insecure: true, Protocol: "soap", Compression: "zip", Timeout: -1,
		ClientKeyFile: "key", Headers: map[string]string{"a b": ""},
	}.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is not joined", err)
	}
	fields := map[string]bool{}
	for _, err := range joined.Unwrap() {
		one, ok := err.(*exporters.FieldError) //nolint:errorlint // not wrapped once more
		if !ok {
			t.Fatalf("%T: %v", err, err)
		}
		fields[one.Field] = true
	}
	for _, want := range []string{"URL", "Insecure", "Protocol", "Compression", "Timeout", "ClientKeyFile", "Headers"} {
		if !fields[want] {
			t.Errorf("no fault of %s in %v", want, err)
		}
	}
	for _, want := range []string{"query", "Insecure", "soap", "zip", "negative", "ClientKeyFile", "a b", "port 4318"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func FuzzValidate(f *testing.F) {
	for _, url := range []string{"localhost:4318", "http://u:p@h:1/p?q#f", "http://[::1", "https://h:4317", "%", "://", "http://\xff"} {
		f.Add(url, "k", "v")
	}
	f.Fuzz(func(t *testing.T, url, name, value string) {
		for _, protocol := range []string{"", exporters.ProtocolGRPC} {
			e := exporters.Endpoint{URL: url, Protocol: protocol, Headers: map[string]string{name: value}}
			valid := e.Validate() == nil
			box, err := exporters.Open(t.Context(), to(e))
			if (err == nil) != valid {
				t.Fatalf("valid %t, but the outbox says %v", valid, err)
			}
			if err == nil {
				if err := box.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
