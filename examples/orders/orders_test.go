package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlags(t *testing.T) {
	keepTelemetry(t)
	if err := run(t.Context(), []string{"-help"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"tea"}, "flags only"},
		{[]string{"-postgres", "mysql://somewhere"}, "-postgres"},
		{[]string{"-redis", "localhost:6379"}, "-redis"},
		{[]string{"-interval", "-1s"}, "Interval"},
		{[]string{"-rule-tests", "tests.yaml"}, "-rules"},
		{[]string{"-alertmanager", "localhost:9093"}, "http://"},
	} {
		if err := run(t.Context(), test.args, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want one with %q", test.args, err, test.want)
		}
	}
}

// TestRefused: wrong data says nothing about the database, a failure does.
func TestRefused(t *testing.T) {
	for code, want := range map[string]bool{"22003": true, "23514": true, "25006": false, "53100": false, "57P01": false, "": false} {
		if refused(&pgconn.PgError{Code: code}) != want {
			t.Errorf("%s: not %t", code, want)
		}
	}
	if refused(nil) || refused(net.ErrClosed) {
		t.Error("only an answer of the database can be put down to the data")
	}
}

// TestRules: the files are written, the tests name the rules from where they
// are, and nothing is started.
func TestRules(t *testing.T) {
	dir := t.TempDir()
	rules, tests := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "tests", "rules.yaml")
	if err := os.Mkdir(filepath.Dir(tests), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"-rules", rules, "-rule-tests", tests}, io.Discard); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{rules: runbooks + "postgres.md", tests: `"../rules.yaml"`} {
		if content, err := os.ReadFile(file); err != nil || !strings.Contains(string(content), text) {
			t.Errorf("no %s in %s, %v", text, content, err)
		}
	}
	if err := run(t.Context(), []string{"-rules", dir}, io.Discard); err == nil {
		t.Error("a folder passes for a file of rules")
	}
}

// TestRunbooks: what alerts link to is in this repository.
func TestRunbooks(t *testing.T) {
	s := new(store)
	for _, c := range s.checks(time.Second) {
		if c.Runbook == "" {
			continue
		}
		if _, err := os.Stat("../../docs/runbooks/" + path.Base(c.Runbook)); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// TestWithoutDatabases: the program starts, says what is missing, and ends.
func TestWithoutDatabases(t *testing.T) {
	keepTelemetry(t)
	nobody, addr := loopback.Addr(t), loopback.Addr(t)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{
			"-addr", addr, "-postgres", "postgres://" + nobody + "/orders", "-redis", "redis://" + nobody, "-interval", "20ms",
		}, io.Discard)
	}()
	await(t, "http://"+addr+"/readyz", http.StatusServiceUnavailable, "[-]postgres unhealthy: error")
	await(t, "http://"+addr+"/readyz", http.StatusServiceUnavailable, "[-]orders unhealthy: error (because of postgres)")
	await(t, "http://"+addr+"/readyz?exclude=postgres&exclude=orders", http.StatusOK, "")
	await(t, "http://"+addr+"/livez", http.StatusOK, "ok")
	for body, want := range map[string]int{
		"":                             http.StatusBadRequest,
		`{"quantity":1}`:               http.StatusBadRequest,
		`{"item":"tea"} `:              http.StatusServiceUnavailable,
		strings.Repeat(" ", 2*maxBody): http.StatusBadRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/orders", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, answer, err := do(req); err != nil || got != want {
			t.Errorf("%.20q: %d %s, %v; want %d", body, got, answer, err, want)
		}
	}
	end()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// TestRequestThatNeverEnds: a client that sends no end of its order does not keep
// the program from ending.
func TestRequestThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		server := &http.Server{Handler: http.HandlerFunc(api{}.place), ReadHeaderTimeout: stopTimeout}
		conns := make(pipes, 1)
		conns <- conn
		served := make(chan error, 1)
		go func() { served <- server.Serve(conns) }()
		if _, err := io.WriteString(client, "POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Length: 9\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*stopTimeout)
		defer cancel()
		if err := end(ctx, server); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != stopTimeout {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the client reads %v", err)
		}
	})
}

// pipes is a listener of connections that are made already.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func keepTelemetry(t *testing.T) {
	t.Helper()
	for _, signal := range []string{"TRACES", "METRICS", "LOGS"} {
		t.Setenv("OTEL_"+signal+"_EXPORTER", "none")
	}
}

// await asks until the answer has that status and the text in it.
func await(t *testing.T, url string, status int, text string) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		got, body, err := do(req)
		if err == nil && got == status && strings.Contains(body, text) {
			return
		}
		select {
		case <-limit.C:
			t.Fatalf("%s: %d, no %q in %s (%v)", url, got, text, body, err)
		case <-tick.C:
		}
	}
}

func do(req *http.Request) (status int, body string, err error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return res.StatusCode, string(content), err
}
