package exporters_test

import (
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
		endpoint exporters.Endpoint
		want     string
	}{
		{exporters.Endpoint{URL: "localhost:4318"}, `URL "localhost:4318" has no scheme; write http://localhost:4318`},
		{exporters.Endpoint{URL: "127.0.0.1:4318"}, `write http://127.0.0.1:4318`},
		{exporters.Endpoint{URL: "collector:4318"}, `write https://collector:4318 or, for plain text, http://collector:4318`},
		{exporters.Endpoint{URL: "collector:4317", Protocol: grpc}, `has no scheme`},
		{exporters.Endpoint{URL: "collector:4318", Insecure: true}, `has no scheme`},
		{exporters.Endpoint{URL: "u:s3cret@collector:4318/s3cret?s3cret"}, `URL "collector:4318" has no scheme`},
		{exporters.Endpoint{URL: "ftp://collector"}, `scheme "ftp" is unknown; write http:// or https://`},
		{exporters.Endpoint{URL: "http://"}, `names no host`},
		{exporters.Endpoint{URL: "http://:4318"}, `names no host`},
		{exporters.Endpoint{URL: "http://host:s3cret"}, `cannot be read: invalid port`},
		{exporters.Endpoint{URL: "http://ho st"}, `cannot be read`},
		{exporters.Endpoint{URL: "http://u:s3cret%zz@host"}, `cannot be read`},
		{exporters.Endpoint{URL: "http://\x00"}, `cannot be read`},
		{exporters.Endpoint{URL: "https://u:s3cret@host/s3cret"}, `URL https://host holds credentials; send them in Headers`},
		{exporters.Endpoint{URL: "https://host/?key=s3cret"}, `URL https://host has a query`},
		{exporters.Endpoint{URL: "https://host:4318", Insecure: true}, `means TLS, but Insecure is set`},
		{exporters.Endpoint{URL: "http://host:4317"}, `has the port of OTLP over gRPC`},
		{exporters.Endpoint{URL: "http://host:4318", Protocol: grpc}, `has the port of OTLP over HTTP`},
		{exporters.Endpoint{URL: "http://host", Protocol: grpc}, `has no port; write http://host:4317`},
		{exporters.Endpoint{URL: "http://host:4318/v1/logs/"}, `ends in /v1/logs, which is appended anyway`},
		{exporters.Endpoint{URL: "http://host:4318", CertificateFile: a.CAFile}, `means plain text, but certificate files are given`},
		{exporters.Endpoint{URL: "https://host", CertificateFile: missing}, missing},
		{exporters.Endpoint{URL: "https://host", CertificateFile: empty}, `holds no certificate`},
		{exporters.Endpoint{URL: "https://host", ClientCertificateFile: a.ClientCertFile}, `without ClientKeyFile`},
		{exporters.Endpoint{URL: "https://host", ClientKeyFile: a.ClientKeyFile}, `without ClientCertificateFile`},
		{exporters.Endpoint{URL: "https://host", ClientCertificateFile: a.CAFile, ClientKeyFile: a.ClientKeyFile}, `are no pair`},
		{exporters.Endpoint{URL: "https://host", ClientCertificateFile: missing, ClientKeyFile: a.ClientKeyFile}, missing},
		{exporters.Endpoint{Protocol: "http/json"}, `protocol "http/json" is unknown; write http/protobuf or grpc`},
		{exporters.Endpoint{Compression: "zstd"}, `compression "zstd" is unknown; write gzip or none`},
		{exporters.Endpoint{Timeout: -time.Second}, `timeout -1s is negative`},
		{exporters.Endpoint{Headers: map[string]string{"a b": "s3cret"}}, `header name "a b" is not valid`},
		{exporters.Endpoint{Headers: map[string]string{"": "s3cret"}}, `header name "" is not valid`},
		{exporters.Endpoint{Headers: map[string]string{"a": "s3cret\r\nb: c"}}, `value of header a has a control character`},
		{exporters.Endpoint{Protocol: grpc, Headers: map[string]string{"a": "s3crät"}}, `not printable ASCII`},
		{exporters.Endpoint{Protocol: grpc, Headers: map[string]string{"grpc-timeout": "1"}}, `reserved by gRPC`},
		{exporters.Endpoint{Protocol: grpc, Headers: map[string]string{"a!": "1"}}, `not valid for gRPC`},
	} {
		err := c.endpoint.Validate()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q in it", c.endpoint.URL, err, c.want)
			continue
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
			for _, s := range signals() {
				var d exporters.Delivery
				p, err := s.open(t.Context(), e, &d)
				if (err == nil) != valid {
					t.Fatalf("valid %t, but the exporter says %v", valid, err)
				}
				if err == nil {
					if err := p.shutdown(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}
