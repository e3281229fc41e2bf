package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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

// TestConnectLeavesWhatMayBeAConsole: what a running process has announced stays,
// whatever answers there now.
func TestConnectLeavesWhatMayBeAConsole(t *testing.T) {
	ownCache(t)
	var status int
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer odd.Close()
	if _, err := announce.Write(announce.Console{URL: odd.URL}); err != nil {
		t.Fatal(err)
	}
	for _, status = range []int{http.StatusServiceUnavailable, http.StatusForbidden, http.StatusUnauthorized, http.StatusOK} {
		want := fmt.Sprint(status)
		if status == http.StatusOK {
			want = "is no console"
		}
		if _, err := connect(t.Context(), "", "", nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), odd.URL) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if left, err := announce.List(); err != nil || len(left) != 1 {
		t.Errorf("left: %+v, %v", left, err)
	}
}

// TestConnectForgetsADeadProcess: another program may have got its port.
func TestConnectForgetsADeadProcess(t *testing.T) {
	ownCache(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if _, err := announce.Write(announce.Console{URL: other.URL}); err != nil {
		t.Fatal(err)
	}
	announced, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "otelmon", "consoles", "*.json"))
	if err != nil || len(announced) != 1 {
		t.Skip("the announcements of this system are elsewhere")
	}
	ended := exec.CommandContext(t.Context(), "true")
	if err := ended.Run(); err != nil {
		t.Skip(err)
	}
	dir, pid := filepath.Dir(announced[0]), ended.Process.Pid
	content := fmt.Sprintf(`{"url":%q,"pid":%d}`, other.URL, pid)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d-1.json", pid)), []byte(content), 0o600), os.Remove(announced[0])); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t.Context(), "", "", nil); err == nil || strings.Contains(err.Error(), other.URL) {
		t.Error(err)
	}
	if left, err := announce.List(); err != nil || len(left) != 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
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
