package console

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswersOnlyThisMachine(t *testing.T) {
	allowed := New(Options{Authorize: func(r *http.Request) Scope {
		if r.Header.Get("Authorization") == "yes" {
			return ScopeRead
		}
		return ScopeNone
	}}).Handler()
	denied := New(Options{}).Handler()
	for _, tc := range []struct {
		name, host, peer string
		header           []string
		want             int
		says             string
	}{
		{"localhost", "localhost:8080", "127.0.0.1:1", nil, 200, ""},
		{"IPv4", "127.0.0.1:8080", "127.0.0.1:1", nil, 200, ""},
		{"IPv6", "[::1]:8080", "[::1]:1", nil, 200, ""},
		{"IPv6 without port", "[::1]", "[::1]:1", nil, 200, ""},
		{"mapped IPv4", "localhost", "[::ffff:127.0.0.1]:1", nil, 200, ""},
		{"no port", "localhost", "127.0.0.1:1", nil, 200, ""},
		{"typed address", "localhost", "127.0.0.1:1", []string{"Sec-Fetch-Site", "none"}, 200, ""},
		{"own page", "localhost", "127.0.0.1:1", []string{"Sec-Fetch-Site", "same-origin"}, 200, ""},
		{"link from another port", "localhost", "127.0.0.1:1", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate"}, 200, ""},
		{"script from another port", "localhost", "127.0.0.1:1", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, 403, "another site"},
		{"another site", "localhost", "127.0.0.1:1", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403, "another site"},
		{"script of another site, old browser", "localhost:8080", "127.0.0.1:1", []string{"Origin", "https://evil.example"}, 403, "another site"},
		{"script of ours, old browser", "localhost:8080", "127.0.0.1:1", []string{"Origin", "http://localhost:8080"}, 200, ""},
		{"rebound name", "evil.example:8080", "127.0.0.1:1", nil, 403, "localhost, 127.0.0.1"},
		{"name that starts like ours", "localhost.evil.example", "127.0.0.1:1", nil, 403, "localhost, 127.0.0.1"},
		{"no host", "", "127.0.0.1:1", nil, 403, "localhost, 127.0.0.1"},
		{"another machine", "localhost", "192.0.2.7:1", nil, 403, "Authorize"},
		{"another machine, IPv6", "localhost", "[2001:db8::1]:1", nil, 403, "Authorize"},
		{"unix socket", "localhost", "@", nil, 403, "Authorize"},
		{"proxy", "localhost", "127.0.0.1:1", []string{"X-Forwarded-For", "192.0.2.7"}, 403, "Authorize"},
		{"proxy by the book", "localhost", "127.0.0.1:1", []string{"Forwarded", "for=192.0.2.7"}, 403, "Authorize"},
		{"proxy with an empty header", "localhost", "127.0.0.1:1", []string{"X-Forwarded-For", ""}, 403, "header X-Forwarded-For"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, path := range []string{"/", "/api/summary", "/nothing"} {
				r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
				r.Host, r.RemoteAddr = tc.host, tc.peer
				for i := 0; i+1 < len(tc.header); i += 2 {
					r.Header.Set(tc.header[i], tc.header[i+1])
				}
				w := httptest.NewRecorder()
				denied.ServeHTTP(w, r)
				want := tc.want
				if path == "/nothing" && want == 200 {
					want = 404
				}
				if w.Code != want || !strings.Contains(w.Body.String(), tc.says) {
					t.Errorf("%s: %d %s", path, w.Code, w.Body)
				}
				if w.Header().Get("Content-Security-Policy") == "" {
					t.Errorf("%s: an answer without a policy", path)
				}
				r.Header.Set("Authorization", "yes")
				w = httptest.NewRecorder()
				allowed.ServeHTTP(w, r)
				if remote := tc.says != "another site"; (w.Code != 403) != remote {
					t.Errorf("%s, allowed: %d", path, w.Code)
				}
			}
		})
	}
}

// TestBareProxyIsRefused asks what the plain proxy_pass of nginx before 1.29.7 asks, over a real
// connection: no header gives it away, only the version of the protocol.
func TestBareProxyIsRefused(t *testing.T) {
	r := newRig(t, Options{})
	r.fill(t, "secret")
	server := httptest.NewServer(r.Handler())
	defer server.Close()
	for _, proto := range []string{"HTTP/1.0", "HTTP/1.1"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /api/traces %s\r\nHost: %s\r\nConnection: close\r\n\r\n", proto, server.Listener.Addr())
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		refused, told := strings.Contains(string(answer), " 403 "), strings.Contains(string(answer), "secret")
		if want := proto == "HTTP/1.0"; refused != want || told == want {
			t.Errorf("%s: %s", proto, answer)
		}
	}
}

func TestProxiesBetrayThemselves(t *testing.T) {
	h := New(Options{}).Handler()
	for _, name := range []string{
		"X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Original-Forwarded-For", "CF-Connecting-IP",
		"True-Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Envoy-External-Address", "X-Envoy-Original-Path",
		"X-Amzn-Trace-Id", "Fly-Client-IP", "Via", "X-Real-IP", "Forwarded", "X-Forwarded-Host",
	} {
		if w := get(h, "/api/summary", name, "x"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "header "+name) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
