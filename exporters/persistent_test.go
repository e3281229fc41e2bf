package exporters

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// post sends one request through the transport and reads the answer.
func post(t *testing.T, url string) (code int, body string, err error) {
	t.Helper()
	p := newPersistent(nil)
	t.Cleanup(p.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	all, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(all), err
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestRefusedConnectionIsUnavailable(t *testing.T) {
	l := listener(t)
	_ = l.Close()
	wantUnavailable(t, "http://"+l.Addr().String(), "refused")
}

func TestUnknownHostIsUnavailable(t *testing.T) {
	wantUnavailable(t, "http://nobody.invalid", "no such host")
}

func TestBrokenConnectionIsUnavailable(t *testing.T) {
	l := listener(t)
	go func() {
		if conn, err := l.Accept(); err == nil {
			_ = conn.Close()
		}
	}()
	wantUnavailable(t, "http://"+l.Addr().String(), "")
}

func wantUnavailable(t *testing.T, url, cause string) {
	t.Helper()
	code, body, err := post(t, url)
	if err != nil || code != http.StatusServiceUnavailable || !strings.Contains(body, cause) {
		t.Errorf("%d %q, %v, want 503 with %q", code, body, err, cause)
	}
}

// What waiting does not heal stays an error, so that it is not retried.
func TestWrongProtocolIsAnError(t *testing.T) {
	l := listener(t)
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = conn.Read(make([]byte, 1))
			_, _ = io.WriteString(conn, "\x00\x00\x06\x04\x00 no HTTP at all\r\n\r\n")
			_ = conn.Close()
		}
	}()
	if code, body, err := post(t, "http://"+l.Addr().String()); err == nil {
		t.Errorf("answered with %d %q", code, body)
	}
}

func TestLongAnswerIsCut(t *testing.T) {
	l := listener(t)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	code, body, err := post(t, "http://"+l.Addr().String())
	if err != nil || code != http.StatusBadRequest || len(body) != maxAnswer {
		t.Errorf("%d with %d bytes, %v, want 400 with %d", code, len(body), err, maxAnswer)
	}
}
