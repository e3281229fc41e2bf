package checkers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
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
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "short")
		default:
			http.Error(w, "token=s3cret", http.StatusTeapot)
		}
	})
	client := server.Client()
	host := strings.TrimPrefix(server.URL, "http://")
	for name, tc := range map[string]struct {
		path string
		o    HTTPOptions
		want string
	}{
		"ok":        {"/ok", HTTPOptions{}, ""},
		"head":      {"/ok", HTTPOptions{Method: http.MethodHead, Header: http.Header{"X-Probe": {"1"}}}, ""},
		"redirect":  {"/moved", HTTPOptions{}, host + ": status 302 Found"},
		"expected":  {"/moved", HTTPOptions{Status: 302}, ""},
		"followed":  {"/moved", HTTPOptions{FollowRedirects: true}, ""},
		"status":    {"/none?token=s3cret", HTTPOptions{}, host + ": status 418 I'm a teapot"},
		"not 200":   {"/ok", HTTPOptions{Status: 204}, host + ": status 200 OK"},
		"method":    {"/ok", HTTPOptions{Method: "A B"}, `http checker: net/http: invalid method "A B"`},
		"cut short": {"/cut", HTTPOptions{}, host + ": body: unexpected EOF"},
		"endless":   {"/endless", HTTPOptions{}, ""},
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
	client.CloseIdleConnections()

	accepts.Store(0)
	check := HTTP(server.URL+"/ok", HTTPOptions{Client: client})
	for range 20 {
		must(t, check(t.Context()))
	}
	if n := accepts.Load(); n != 1 {
		t.Errorf("20 executions opened %d connections, want 1", n)
	}
	if client.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
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
