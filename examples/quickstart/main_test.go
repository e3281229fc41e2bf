package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/announce"
	"github.com/otelmon/otelmon-go/internal/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAddedLines counts what the instrumentation of a net/http program costs,
// against the same program without it.
func TestAddedLines(t *testing.T) {
	plain, instrumented := code(t, "plain/main.go"), code(t, "main.go")
	kept := common(plain, instrumented)
	changed := len(plain) - kept
	added := len(instrumented) - kept - changed
	t.Logf("%d lines added, %d changed", added, changed)
	if added > 15 || changed > 2 {
		t.Errorf("%d lines added and %d changed, want at most 15 and 2", added, changed)
	}
}

// code is the lines of a file that are neither empty nor comments.
func code(t *testing.T, name string) []string {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(source)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines = append(lines, line)
		}
	}
	return lines
}

// common is the length of the longest common subsequence, as diff has it.
func common(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// collector notes the paths that telemetry is sent to.
type collector struct {
	mu    sync.Mutex
	paths map[string]int
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths[r.URL.Path]++
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func TestQuickstart(t *testing.T) {
	received := &collector{paths: map[string]int{}}
	backend := httptest.NewServer(received)
	defer backend.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", backend.URL)
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} { // by system; where consoles are announced
		t.Setenv(name, t.TempDir())
	}
	addr := loopback.Addr(t)
	ctx, terminate := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, addr) }()

	await(t, "http://"+addr+"/hello/you", "Hello, you!")
	await(t, "http://"+addr+"/livez", "ok")
	await(t, "http://"+addr+"/readyz?verbose", "[+]memory ok")
	await(t, "http://"+addr+"/debug/otelmon/api/traces", "GET /hello/{name}")
	await(t, "http://"+addr+"/debug/otelmon/", "quickstart")
	if list, err := announce.List(); err != nil || len(list) != 1 || list[0].URL != "http://"+addr+"/debug/otelmon/" {
		t.Errorf("announced: %+v, %v", list, err)
	}

	terminate()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if list, err := announce.List(); err != nil || len(list) != 0 {
		t.Errorf("announced after the end: %+v, %v", list, err)
	}
	for _, path := range []string{"/v1/traces", "/v1/metrics", "/v1/logs"} {
		if received.paths[path] == 0 {
			t.Errorf("nothing was sent to %s: %v", path, received.paths)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// await asks until the answer has the text in it.
func await(t *testing.T, address, text string) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for err := ask(t.Context(), address, text); err != nil; err = ask(t.Context(), address, text) {
		select {
		case <-limit.C:
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

func ask(ctx context.Context, address, text string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(body), text)) {
		err = fmt.Errorf("%s: %s, no %q in %s", address, res.Status, text, body)
	}
	return err
}
