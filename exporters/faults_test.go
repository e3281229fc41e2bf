package exporters_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/otelmon/otelmon-go/exporters"
	"github.com/otelmon/otelmon-go/internal/oteltest"
)

func TestDeadEndpoint(t *testing.T) {
	r := start(t, oteltest.Options{})
	dead, err := oteltest.Start(oteltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			e.URL = dead.HTTPURL()
			if e.Protocol == exporters.ProtocolGRPC {
				e.URL = dead.GRPCURL()
			}
			e.Timeout = 100 * time.Millisecond
			var d exporters.Delivery
			err := open(t, s, e, &d).send(t.Context(), 5)
			if why := exporters.Explain(err); !strings.Contains(why, "start the collector") {
				t.Errorf("%v explained as %q", err, why)
			}
			wantCounts(t, &d, 0, 5)
		})
	}
}

func TestHangingEndpoint(t *testing.T) {
	r := start(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Hang: true})
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			e.Timeout = 100 * time.Millisecond
			var d exporters.Delivery
			err := open(t, s, e, &d).send(t.Context(), 5)
			if why := exporters.Explain(err); !strings.Contains(why, "did not answer in time") {
				t.Errorf("%v explained as %q", err, why)
			}
			wantCounts(t, &d, 0, 5)
		})
	}
}

// A caller's deadline, such as that of a shutdown, counts before the timeout.
func TestCallerEndsExport(t *testing.T) {
	r := start(t, oteltest.Options{})
	r.Fail(oteltest.Fault{Hang: true})
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			before := len(r.Requests())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				_ = r.Wait(ctx, func(r *oteltest.Receiver) bool { return len(r.Requests()) > before })
				cancel()
			}()
			e.Timeout = time.Hour
			var d exporters.Delivery
			if err := open(t, s, e, &d).send(ctx, 5); err == nil {
				t.Error("no error although the caller gave up")
			}
			wantCounts(t, &d, 0, 5)
		})
	}
}

func TestReceiverComesBack(t *testing.T) {
	for _, s := range signals() {
		for _, protocol := range []string{exporters.ProtocolHTTP, exporters.ProtocolGRPC} {
			t.Run(s.name+"/"+protocol[:4], func(t *testing.T) {
				t.Parallel()
				broken, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				addr := broken.Addr().String()
				sent := make(chan error, 1)
				var d exporters.Delivery
				p := open(t, s, exporters.Endpoint{URL: "http://" + addr, Protocol: protocol, Timeout: time.Minute}, &d)
				go func() { sent <- p.send(t.Context(), 4) }()

				conn, err := broken.Accept() // the first attempt has come this far, and ends here
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
				_ = broken.Close()
				options := oteltest.Options{HTTPAddr: addr}
				if protocol == exporters.ProtocolGRPC {
					options = oteltest.Options{GRPCAddr: addr}
				}
				r := start(t, options)
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if got := s.arrived(r); got != 4 {
					t.Errorf("%d items arrived, want 4", got)
				}
				wantCounts(t, &d, 4, 0)
			})
		}
	}
}

// Errors that waiting does not heal must not hold the queue up.
func TestRefusalIsNotRetried(t *testing.T) {
	for _, c := range []struct {
		fault oteltest.Fault
		want  string
	}{
		{oteltest.Fault{Status: http.StatusUnauthorized, Code: codes.Unauthenticated}, "wants credentials"},
		{oteltest.Fault{Status: http.StatusForbidden, Code: codes.PermissionDenied}, "does not let them write"},
		{oteltest.Fault{Status: http.StatusRequestEntityTooLarge, Code: codes.ResourceExhausted, Message: "larger than max"}, "larger than the backend takes"},
		{oteltest.Fault{Status: http.StatusNotFound, Code: codes.Unimplemented}, "no OTLP receiver"},
		{oteltest.Fault{Status: http.StatusBadRequest, Code: codes.InvalidArgument}, "does not accept its content"},
	} {
		t.Run(http.StatusText(c.fault.Status), func(t *testing.T) {
			r := start(t, oteltest.Options{})
			r.Fail(c.fault)
			for _, row := range matrix(r) {
				t.Run(row.name, func(t *testing.T) {
					s, e := row.signal, row.endpoint
					before := len(r.Requests())
					var d exporters.Delivery
					err := open(t, s, e, &d).send(t.Context(), 2)
					if why := exporters.Explain(err); !strings.Contains(why, c.want) {
						t.Errorf("%v explained as %q, want %q in it", err, why, c.want)
					}
					if got := len(r.Requests()) - before; got != 1 {
						t.Errorf("%d requests, want 1", got)
					}
					wantCounts(t, &d, 0, 2)
				})
			}
		})
	}
}

func TestUnavailableIsRetried(t *testing.T) {
	r := start(t, oteltest.Options{})
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			r.Fail(oteltest.Fault{Status: http.StatusServiceUnavailable, Code: codes.Unavailable})
			before, arrived := len(r.Requests()), s.arrived(r)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				_ = r.Wait(ctx, func(r *oteltest.Receiver) bool { return len(r.Requests()) > before })
				r.Heal()
			}()
			var d exporters.Delivery
			if err := open(t, s, e, &d).send(ctx, 2); err != nil {
				t.Fatal(err)
			}
			if got := s.arrived(r) - arrived; got != 2 {
				t.Errorf("%d items arrived, want 2", got)
			}
			wantCounts(t, &d, 2, 0)
		})
	}
}

func TestPartialSuccess(t *testing.T) {
	r := start(t, oteltest.Options{})
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			r.Fail(oteltest.Fault{Rejected: 2, Message: "too old (9 spans rejected) or so"})
			var d exporters.Delivery
			p := open(t, s, e, &d)
			err := p.send(t.Context(), 5)
			if why := exporters.Explain(err); !strings.Contains(why, "rejected some items") {
				t.Errorf("%v explained as %q", err, why)
			}
			wantCounts(t, &d, 3, 2)

			r.Fail(oteltest.Fault{Message: "only a warning"})
			if err := p.send(t.Context(), 1); err == nil {
				t.Error("the backend's warning is lost")
			}
			wantCounts(t, &d, 4, 2)
		})
	}
}

func TestHostileAnswer(t *testing.T) {
	r := start(t, oteltest.Options{})
	const key = "hunter2-and-more"
	line := "2026-01-01 ERROR forged line; you sent Bearer " + key + ", token " + key + "\n\x1b[31m\u202e"
	r.Fail(oteltest.Fault{Status: http.StatusBadRequest, Code: codes.InvalidArgument, Message: strings.Repeat(line, 3<<20/len(line))})
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			if e.Protocol == exporters.ProtocolHTTP {
				e.URL += "/prefix"
			}
			e.Headers = map[string]string{"Authorization": "Bearer " + key}
			var d exporters.Delivery
			err := open(t, s, e, &d).send(t.Context(), 1)
			if err == nil {
				t.Fatal("no error")
			}
			text := err.Error()
			if len(text) > 1<<10 || strings.ContainsAny(text, "\n\x1b\u202e") || strings.Contains(text, key) || strings.Contains(text, "prefix") {
				t.Errorf("%d bytes: %q", len(text), text)
			}
		})
	}
}

func TestAnswerThatEndsWithinASecret(t *testing.T) {
	r := start(t, oteltest.Options{})
	key := strings.Repeat("0123456789abcdef", 3000/16)
	r.Fail(oteltest.Fault{Status: http.StatusBadRequest, Code: codes.InvalidArgument, Message: strings.Repeat(key, 8)})
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			e := row.endpoint
			e.Headers = map[string]string{"Authorization": "Bearer " + key}
			var d exporters.Delivery
			err := open(t, row.signal, e, &d).send(t.Context(), 1)
			if err == nil || strings.Contains(err.Error(), key[:16]) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A mix-up of port or protocol must be explained, whichever side is wrong.
func TestMixUps(t *testing.T) {
	a := authority(t)
	plain, secure, mutual := start(t, oteltest.Options{}), start(t, oteltest.Options{TLS: a.Server()}), start(t, oteltest.Options{TLS: a.MutualServer()})
	https := func(url string) string { return strings.Replace(url, "http://", "https://", 1) }
	http := func(url string) string { return strings.Replace(url, "https://", "http://", 1) }
	const protoHTTP, protoGRPC = exporters.ProtocolHTTP, exporters.ProtocolGRPC
	for name, c := range map[string]struct {
		endpoint exporters.Endpoint
		want     string
	}{
		"http to the gRPC port":        {exporters.Endpoint{URL: plain.GRPCURL(), Protocol: protoHTTP}, "sent to a gRPC port"},
		"gRPC to the HTTP port":        {exporters.Endpoint{URL: plain.HTTPURL(), Protocol: protoGRPC}, "protocol to http/protobuf"},
		"https to plain HTTP":          {exporters.Endpoint{URL: https(plain.HTTPURL()), Protocol: protoHTTP}, "write http://"},
		"https to plain gRPC":          {exporters.Endpoint{URL: https(plain.GRPCURL()), Protocol: protoGRPC}, "write http://"},
		"http to TLS":                  {exporters.Endpoint{URL: http(secure.HTTPURL()), Protocol: protoHTTP}, "expects TLS"},
		"plain gRPC to TLS":            {exporters.Endpoint{URL: http(secure.GRPCURL()), Protocol: protoGRPC}, "TLS"},
		"HTTP without the CA":          {exporters.Endpoint{URL: secure.HTTPURL(), Protocol: protoHTTP}, "CertificateFile"},
		"gRPC without the CA":          {exporters.Endpoint{URL: secure.GRPCURL(), Protocol: protoGRPC}, "CertificateFile"},
		"HTTP without a client's":      {exporters.Endpoint{URL: mutual.HTTPURL(), Protocol: protoHTTP, CertificateFile: a.CAFile}, "client certificate"},
		"gRPC without a client's":      {exporters.Endpoint{URL: mutual.GRPCURL(), Protocol: protoGRPC, CertificateFile: a.CAFile}, "client certificate"},
		"HTTP to a host nobody knows":  {exporters.Endpoint{URL: "http://nobody.invalid:4318", Protocol: protoHTTP}, "host name"},
		"gRPC to a host nobody knows":  {exporters.Endpoint{URL: "http://nobody.invalid:4317", Protocol: protoGRPC}, "host name"},
		"HTTP where the path is wrong": {exporters.Endpoint{URL: plain.HTTPURL() + "/v1/trace", Exact: true, Protocol: protoHTTP}, "no OTLP receiver at this path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.endpoint.Timeout = 1500 * time.Millisecond
			var d exporters.Delivery
			err := open(t, signals()[0], c.endpoint, &d).send(t.Context(), 1)
			if why := exporters.Explain(err); err == nil || !strings.Contains(why, c.want) {
				t.Errorf("%v\nexplained as %q, want %q in it", err, why, c.want)
			}
			wantCounts(t, &d, 0, 1)
		})
	}
}

// An attempt that the timeout cuts off knows nothing; the one before it does.
func TestCauseOutlivesTimeout(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := l.Accept(); err == nil {
			_ = conn.Close()
		}
		var silent []net.Conn
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			silent = append(silent, conn)
		}
		for _, conn := range silent {
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	var d exporters.Delivery
	e := exporters.Endpoint{URL: "http://" + l.Addr().String(), Protocol: exporters.ProtocolGRPC, Timeout: 1500 * time.Millisecond}
	err = open(t, signals()[0], e, &d).send(t.Context(), 1)
	if why := exporters.Explain(err); !strings.Contains(why, "TLS") {
		t.Errorf("%v explained as %q", err, why)
	}
}

func TestExporterIsValidatedFirst(t *testing.T) {
	bad := exporters.Endpoint{URL: "localhost:4318", Protocol: "soap", CertificateFile: filepath.Join(t.TempDir(), "none")}
	for _, s := range signals() {
		var d exporters.Delivery
		_, err := s.open(t.Context(), bad, &d)
		if err == nil || err.Error() != bad.Validate().Error() {
			t.Errorf("%s: %v, want %v", s.name, err, bad.Validate())
		}
	}
}

func TestShutdownTwice(t *testing.T) {
	r := start(t, oteltest.Options{})
	for _, row := range matrix(r) {
		t.Run(row.name, func(t *testing.T) {
			s, e := row.signal, row.endpoint
			var d exporters.Delivery
			p, err := s.open(t.Context(), e, &d)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			_ = p.shutdown(t.Context()) // may say so, must not panic
			if err := p.send(t.Context(), 1); err == nil && s.name != "traces" {
				t.Error("an export after Shutdown tells nothing")
			}
		})
	}
}
