package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	opsconsole "github.com/otelmon/otelmon-go/console"
	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/announce"
	"github.com/otelmon/otelmon-go/internal/loopback"
)

const aToken = "0123456789abcdef"

// ownCache keeps the announcements of a test apart from those of the machine.
func ownCache(t *testing.T) {
	t.Helper()
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, t.TempDir())
	}
}

// serve starts a console and announces it.
func serve(t *testing.T, o opsconsole.Options) (root string) {
	t.Helper()
	con := opsconsole.New(o)
	server := httptest.NewServer(con.Handler())
	t.Cleanup(server.Close)
	withdraw, err := con.Announce(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(withdraw)
	return server.URL + "/"
}

func TestConnectFindsTheOnlyConsole(t *testing.T) {
	ownCache(t)
	if _, err := connect(t.Context(), "", "", nil); err == nil || !strings.Contains(err.Error(), "-url") {
		t.Errorf("nothing runs: %v", err)
	}
	root := serve(t, opsconsole.Options{ReadToken: aToken})
	killed := announceDead(t)

	c, err := connect(t.Context(), "", "", []string{tokenVariable + "=" + aToken, tokenVariable + "=other"})
	if err != nil || c.root.String() != root {
		t.Fatalf("%+v, %v", c, err)
	}
	if left, err := announce.List(); err != nil || len(left) != 1 || strings.Contains(left[0].URL, killed) {
		t.Errorf("%+v, %v", left, err)
	}
	var summary store.Summary
	if err := c.get(t.Context(), "api/summary", nil, &summary); err != nil || summary.MaxBytes == 0 {
		t.Errorf("%+v, %v", summary, err)
	}

	c.token = ""
	if err := c.get(t.Context(), "api/summary", nil, &summary); err == nil || !strings.Contains(err.Error(), tokenVariable) {
		t.Errorf("without a token: %v", err)
	}

	other := serve(t, opsconsole.Options{})
	if _, err := connect(t.Context(), "", "", nil); err == nil || !strings.Contains(err.Error(), "-url "+root) || !strings.Contains(err.Error(), "-url "+other) {
		t.Errorf("two run: %v", err)
	}
	if c, err := connect(t.Context(), other, "", nil); err != nil || c.root.String() != other {
		t.Errorf("%+v, %v", c, err)
	}
}

// announceDead announces what a killed process leaves, at a port where nothing
// listens.
func announceDead(t *testing.T) (address string) {
	t.Helper()
	address = loopback.Addr(t)
	if _, err := announce.Write(announce.Console{URL: "http://" + address}); err != nil {
		t.Fatal(err)
	}
	return address
}

func TestProbeShowsNoToken(t *testing.T) {
	ownCache(t)
	var shown string
	impostor := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		shown += r.Header.Get("Authorization")
	}))
	defer impostor.Close()
	if _, err := announce.Write(announce.Console{URL: impostor.URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t.Context(), "", aToken, nil); err == nil || shown != "" {
		t.Errorf("%v, shown %q", err, shown)
	}
}

func TestConnectRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"localhost:8080", "ftp://localhost", "http://", "://"} {
		if _, err := connect(t.Context(), address, "", nil); err == nil {
			t.Error(address)
		}
	}
}
