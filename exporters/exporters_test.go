package exporters_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestEveryItemArrives(t *testing.T) {
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
		t.Run(name, func(t *testing.T) {
			r := start(t, wire.options)
			for _, row := range matrix(r) {
				t.Run(row.name, func(t *testing.T) {
					s, e := row.signal, row.endpoint
					before := s.arrived(r)
					e.Headers = map[string]string{"api-key": "k " + t.Name()}
					wire.change(&e)
					var d exporters.Delivery
					if err := open(t, s, e, &d).send(t.Context(), 3); err != nil {
						t.Fatal(err)
					}
					if got := s.arrived(r) - before; got != 3 {
						t.Errorf("%d items arrived, want 3", got)
					}
					wantCounts(t, &d, 3, 0)
					q := r.Requests()[len(r.Requests())-1]
					if q.Protocol != e.Protocol || q.Header.Get("api-key") != e.Headers["api-key"] {
						t.Errorf("request over %s with api-key %q, want %s and %q", q.Protocol, q.Header.Get("api-key"), e.Protocol, e.Headers["api-key"])
					}
					if e.Protocol == exporters.ProtocolHTTP && (q.Header.Get("Content-Encoding") == "gzip") != (name == "gzip") {
						t.Errorf("Content-Encoding %q", q.Header.Get("Content-Encoding"))
					}
				})
			}
		})
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
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			var d exporters.Delivery
			if err := open(t, s, e, &d).send(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			q := r.Requests()[len(r.Requests())-1]
			if q.Header.Get("api-key") != "" || q.Header.Get("Content-Encoding") != "" {
				t.Errorf("headers come from the environment: %v", q.Header)
			}
		})
	}
}

func TestPath(t *testing.T) {
	for _, s := range signals() {
		t.Run(s.name, func(t *testing.T) {
			r := start(t, oteltest.Options{})
			for _, c := range []struct {
				path  string
				exact bool
				want  string
			}{
				{"", false, s.path},
				{"/", false, s.path},
				{"/prefix", false, "/prefix" + s.path},
				{"/prefix/", false, "/prefix" + s.path},
				{"/prefix" + s.path, true, "/prefix" + s.path},
				{s.path, true, s.path},
			} {
				var d exporters.Delivery
				err := open(t, s, exporters.Endpoint{URL: r.HTTPURL() + c.path, Exact: c.exact}, &d).send(t.Context(), 1)
				if err != nil {
					t.Fatalf("%q: %v", c.path, err)
				}
				if got := r.Requests()[len(r.Requests())-1].Path; got != c.want {
					t.Errorf("path %q, exact %t: posted to %q, want %q", c.path, c.exact, got, c.want)
				}
			}
		})
	}
}

// An exact URL without path means the root, not the signal's default path.
func TestExactRoot(t *testing.T) {
	for _, s := range signals() {
		t.Run(s.name, func(t *testing.T) {
			var path string
			url := serve(t, func(_ http.ResponseWriter, req *http.Request) { path = req.URL.Path })
			var d exporters.Delivery
			if err := open(t, s, exporters.Endpoint{URL: url, Exact: true}, &d).send(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if path != "/" {
				t.Errorf("posted to %q, want /", path)
			}
		})
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
	var d exporters.Delivery
	err := open(t, signals()[0], exporters.Endpoint{URL: url, Headers: map[string]string{"api-key": "secret"}}, &d).send(t.Context(), 1)
	if err == nil || len(r.Requests()) != 0 {
		t.Errorf("error %v, %d requests at the redirect's target", err, len(r.Requests()))
	}
	if why := exporters.Explain(err); !strings.Contains(why, "redirect") {
		t.Errorf("explained as %q", why)
	}
}
