package exporters_test

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestEveryItemArrivesOverEveryWire(t *testing.T) {
	a := authority(t)
	wires := map[string]struct {
		options oteltest.Options
		change  func(*exporters.Endpoint)
	}{
		"plain": {change: func(*exporters.Endpoint) {}},
		"gzip":  {change: func(e *exporters.Endpoint) { e.Compression = exporters.CompressionGzip }},
		"tls":   {oteltest.Options{TLS: a.Server()}, func(e *exporters.Endpoint) { e.CertificateFile = a.CAFile }},
		"mutual": {oteltest.Options{TLS: a.MutualServer()}, func(e *exporters.Endpoint) {
			e.CertificateFile, e.ClientCertificateFile, e.ClientKeyFile = a.CAFile, a.ClientCertFile, a.ClientKeyFile
		}},
	}
	for name, wire := range wires {
		for protocol := range endpoints(start(t, oteltest.Options{})) {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				r := start(t, wire.options)
				e := endpoints(r)[protocol]
				e.Headers = map[string]string{"api-key": "k " + name}
				wire.change(&e)
				s := newSource(t, to(e))
				s.work(0, 3)
				if err := s.close(t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(r.Spans()) != 3 || len(r.Logs()) != 3 || len(r.Metrics()) != 1 {
					t.Errorf("%d spans, %d logs, %d metrics arrived", len(r.Spans()), len(r.Logs()), len(r.Metrics()))
				}
				for _, q := range r.Requests() {
					if q.Protocol != e.Protocol || q.Header.Get("api-key") != "k "+name {
						t.Errorf("request over %s with api-key %q", q.Protocol, q.Header.Get("api-key"))
					}
					if protocol == "http" && (q.Header.Get("Content-Encoding") == "gzip") != (name == "gzip") {
						t.Errorf("Content-Encoding %q", q.Header.Get("Content-Encoding"))
					}
				}
			})
		}
	}
}

// The official exporters read the environment on their own. Only what the
// endpoint says may count.
func TestEnvironmentIsNotRead(t *testing.T) {
	a := authority(t)
	for name, value := range map[string]string{
		"ENDPOINT": "http://127.0.0.1:1/elsewhere", "HEADERS": "api-key=stolen", "COMPRESSION": "gzip", "TIMEOUT": "1",
		"CERTIFICATE": a.CAFile, "INSECURE": "false",
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, value)
	}
	r := start(t, oteltest.Options{})
	for _, e := range endpoints(r) {
		s := newSource(t, to(e))
		s.work(0, 1)
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range r.Requests() {
		if q.Header.Get("api-key") != "" || q.Header.Get("Content-Encoding") != "" {
			t.Errorf("headers come from the environment: %v", q.Header)
		}
	}
	if len(r.Requests()) != 6 {
		t.Errorf("%d requests, want one for each signal and protocol", len(r.Requests()))
	}
}

// posted returns the paths that the three signals are posted to.
func posted(t *testing.T, e exporters.Endpoint) []string {
	t.Helper()
	paths := make(chan string, 3)
	base := serve(t, func(_ http.ResponseWriter, req *http.Request) { paths <- req.URL.Path })
	e.URL = base + e.URL
	s := newSource(t, to(e))
	s.work(0, 1)
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := []string{<-paths, <-paths, <-paths}
	slices.Sort(all)
	return all
}

func TestPath(t *testing.T) {
	for _, c := range []struct {
		path  string
		exact bool
		want  []string
	}{
		{"", false, []string{"/v1/logs", "/v1/metrics", "/v1/traces"}},
		{"/", false, []string{"/v1/logs", "/v1/metrics", "/v1/traces"}},
		{"/prefix", false, []string{"/prefix/v1/logs", "/prefix/v1/metrics", "/prefix/v1/traces"}},
		{"/prefix/", false, []string{"/prefix/v1/logs", "/prefix/v1/metrics", "/prefix/v1/traces"}},
		{"/prefix/x", true, []string{"/prefix/x", "/prefix/x", "/prefix/x"}},
		{"", true, []string{"/", "/", "/"}}, // not the signal's default path
	} {
		if got := posted(t, exporters.Endpoint{URL: c.path, Exact: c.exact}); !slices.Equal(got, c.want) {
			t.Errorf("path %q, exact %t: posted to %q, want %q", c.path, c.exact, got, c.want)
		}
	}
}

// serve runs a plain HTTP server and returns its URL.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handle}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return "http://" + l.Addr().String()
}

func TestRedirectIsNotFollowed(t *testing.T) {
	r := start(t, oteltest.Options{})
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, r.HTTPURL()+req.URL.Path, http.StatusTemporaryRedirect)
	})
	s := newSource(t, to(exporters.Endpoint{URL: url, Headers: map[string]string{"api-key": "secret"}}))
	s.work(0, 1)
	err := s.tracers.ForceFlush(t.Context())
	if err == nil || len(r.Requests()) != 0 {
		t.Errorf("error %v, %d requests at the redirect's target", err, len(r.Requests()))
	}
	if why := exporters.Explain(err); !strings.Contains(why, "redirect") {
		t.Errorf("explained as %q", why)
	}
}
