package checkers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelmon/otelmon-go/health"
)

// serve counts the connections that a server accepts.
func serve(t *testing.T, h http.HandlerFunc) (server *httptest.Server, accepts *atomic.Int32) {
	t.Helper()
	accepts = new(atomic.Int32)
	server = httptest.NewUnstartedServer(h)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			accepts.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server, accepts
}

func TestHTTPChecker(t *testing.T) {
	var header http.Header
	server, accepts := serve(t, func(w http.ResponseWriter, req *http.Request) {
		header = req.Header
		switch req.URL.Path {
		case "/ok":
			fmt.Fprint(w, strings.Repeat("x", 100<<10))
		case "/moved":
			http.Redirect(w, req, "/ok", http.StatusFound)
		case "/endless":
			for req.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		case "/words":
			conn, buffer, err := http.NewResponseController(w).Hijack()
			if err == nil {
				defer conn.Close()
				fmt.Fprint(buffer, "HTTP/1.1 500 token=s3cret\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				_ = buffer.Flush()
			}
		case "/nowhere":
			w.Header().Set("Location", "http://x/%zz?token=s3cret")
			w.WriteHeader(http.StatusFound)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "short")
		default:
			http.Error(w, "token=s3cret", http.StatusTeapot)
		}
	})
	client := server.Client()
	bodies := &openBodies{Transport: client.Transport.(*http.Transport)}
	client.Transport = bodies
	host := strings.TrimPrefix(server.URL, "http://")
	for name, tc := range map[string]struct {
		path string
		o    HTTPOptions
		want string
	}{
		"ok":                 {"/ok", HTTPOptions{}, ""},
		"head":               {"/ok", HTTPOptions{Method: http.MethodHead, Header: http.Header{"X-Probe": {"1"}}}, ""},
		"redirect":           {"/moved", HTTPOptions{}, host + ": status 302 Found"},
		"expected":           {"/moved", HTTPOptions{Status: 302}, ""},
		"followed":           {"/moved", HTTPOptions{FollowRedirects: true}, ""},
		"status":             {"/none?token=s3cret", HTTPOptions{}, host + ": status 418 I'm a teapot"},
		"not 200":            {"/ok", HTTPOptions{Status: 204}, host + ": status 200 OK"},
		"method":             {"/ok", HTTPOptions{Method: "A B"}, `http checker: net/http: invalid method "A B"`},
		"cut short":          {"/cut", HTTPOptions{}, host + ": body: unexpected EOF"},
		"endless":            {"/endless", HTTPOptions{}, ""},
		"body":               {"/ok", HTTPOptions{Body: contains("xxx")}, ""},
		"bad body":           {"/ok", HTTPOptions{Body: contains("yyy")}, host + ": no yyy in 102400 bytes"},
		"status before body": {"/none", HTTPOptions{Body: contains("yyy")}, host + ": status 418 I'm a teapot"},
		"endless body":       {"/endless", HTTPOptions{Body: contains("yyy")}, host + ": no yyy in 262144 bytes"},
		"own words":          {"/words", HTTPOptions{}, host + ": status 500 Internal Server Error"},
		"invalid redirect":   {"/nowhere", HTTPOptions{}, host + ": redirect with an invalid Location header"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.o.Client = client
			err := HTTP(server.URL+tc.path, tc.o)(t.Context())
			if (err == nil) != (tc.want == "") || err != nil && err.Error() != tc.want {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if name == "head" && header.Get("X-Probe") != "1" {
				t.Errorf("header %v", header)
			}
		})
	}
	bodies.CloseIdleConnections()

	accepts.Store(0)
	check, judged := HTTP(server.URL+"/ok", HTTPOptions{Client: client}), HTTP(server.URL+"/ok", HTTPOptions{Client: client, Body: contains("x")})
	failing := HTTP(server.URL+"/none", HTTPOptions{Client: client})
	for range 20 {
		must(t, check(t.Context()))
		must(t, judged(t.Context()))
		if err := failing(t.Context()); err == nil {
			t.Error("healthy with status 418")
		}
	}
	if n := accepts.Load(); n != 1 {
		t.Errorf("60 executions opened %d connections, want 1", n)
	}
	if n := bodies.Load(); n != 0 {
		t.Errorf("%d bodies were not closed", n)
	}
	if client.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
}

// openBodies counts the bodies that were not closed yet.
type openBodies struct {
	*http.Transport
	atomic.Int32
}

func (o *openBodies) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := o.Transport.RoundTrip(req)
	if err == nil {
		o.Add(1)
		resp.Body = closer{resp.Body, sync.OnceFunc(func() { o.Add(-1) })}
	}
	return resp, err
}

type closer struct {
	io.ReadCloser
	closed func()
}

func (c closer) Close() error { c.closed(); return c.ReadCloser.Close() }

func contains(word string) func([]byte) error {
	return func(body []byte) error {
		if !bytes.Contains(body, []byte(word)) {
			return fmt.Errorf("no %s in %d bytes", word, len(body))
		}
		return nil
	}
}

func TestHTTPBodyMayDegrade(t *testing.T) {
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "lagging") })
	check := HTTP(server.URL, HTTPOptions{Client: server.Client(), Body: func(body []byte) error {
		return health.Degraded(errors.New(string(body)))
	}})
	expect(t, check, health.StateDegraded, server.Listener.Addr().String()+": lagging")
}

func TestHTTPCheckerHidesItsURL(t *testing.T) {
	server, _ := serve(t, nil)
	endpoint := strings.Replace(server.URL, "http://", "http://app:s3cret@", 1) + "/secret-path?key=s3cret"
	server.Close()
	err := HTTP(endpoint, HTTPOptions{Client: server.Client()})(t.Context())
	if err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v", err)
	}
}

func TestHTTPCheckerObeysItsContext(t *testing.T) {
	arrived := make(chan struct{})
	server, _ := serve(t, func(_ http.ResponseWriter, req *http.Request) {
		close(arrived)
		<-req.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if err := HTTP(server.URL, HTTPOptions{Client: server.Client()})(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestHTTPCheckerNeedsAURL(t *testing.T) {
	for _, endpoint := range []string{"", "localhost:80", "ftp://x", "http://", "http://\x00app:s3cret@"} {
		err := HTTP(endpoint, HTTPOptions{})(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "http checker: the URL") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: error %v", endpoint, err)
		}
	}
}

func TestTCPChecker(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	address := listener.Addr().String()
	must(t, TCP(address)(t.Context()))
	conn, err := listener.Accept()
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v: the check must send nothing and close", n, err)
	}
	must(t, conn.Close())
	must(t, listener.Close())
	if err := TCP(address)(t.Context()); err == nil {
		t.Error("healthy with nobody listening")
	}
	for _, bad := range []string{"", "host", "host:", "a:b:c"} {
		if err := TCP(bad)(t.Context()); err == nil || !strings.Contains(err.Error(), "host:port") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}
