package main

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestListenTakesAFreePort(t *testing.T) {
	first, instead, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil || instead != "" {
		t.Fatalf("%v, instead %q", err, instead)
	}
	defer first.Close()
	second, instead, err := listen(t.Context(), first.Addr().String())
	if err != nil || !strings.Contains(instead, "in use") {
		t.Fatalf("%v, instead %q", err, instead)
	}
	defer second.Close()
	if second.Addr().String() == first.Addr().String() {
		t.Error("both listen on", first.Addr())
	}
	for _, addr := range []string{"nonsense", "192.0.2.1:80", "127.0.0.1:99999"} {
		if l, _, err := listen(t.Context(), addr); err == nil {
			t.Errorf("%s: listens on %s", addr, l.Addr())
			l.Close()
		}
	}
}

func TestBaseURL(t *testing.T) {
	for want, addr := range map[string]net.Addr{
		"http://127.0.0.1:80": &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80},
		"http://[::1]:80":     &net.TCPAddr{IP: net.IPv6loopback, Port: 80},
		"http://localhost:80": &net.TCPAddr{IP: net.IPv6unspecified, Port: 80},
	} {
		if got := baseURL(addr); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestServerThatFails ends the program, which would serve nobody any more.
func TestServerThatFails(t *testing.T) {
	l, _, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	s := serve(l, http.NotFoundHandler(), func(err error) { failed <- err })
	l.Close()
	if err := <-failed; err == nil {
		t.Error("no reason")
	}
	if err := s.stop(t.Context()); err == nil {
		t.Error("stop does not tell why")
	}
}
