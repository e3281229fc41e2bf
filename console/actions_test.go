package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/announce"
	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestLogLevelGoesBackByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{})
		if _, err := c.SetLogLevel(t.Context(), "test", slog.LevelDebug, 0); err == nil {
			t.Error("a level that the console was not given can be changed")
		}
		var v slog.LevelVar
		c.AdoptLogLevel(&v)
		for _, wrong := range []time.Duration{-1, time.Millisecond, 2 * time.Hour} {
			if _, err := c.SetLogLevel(t.Context(), "test", slog.LevelDebug, wrong); err == nil {
				t.Errorf("%v is taken", wrong)
			}
		}
		set := func(l slog.Level, d time.Duration) {
			t.Helper()
			if now, err := c.SetLogLevel(t.Context(), "test", l, d); err != nil || now.Level != l.String() || now.Usual != "INFO" || now.Until == nil {
				t.Errorf("%+v, %v", now, err)
			}
		}
		pass := func(d time.Duration, want slog.Level) {
			t.Helper()
			time.Sleep(d) //nolint:forbidigo // in a bubble
			synctest.Wait()
			if v.Level() != want {
				t.Errorf("%v, want %v", v.Level(), want)
			}
		}
		set(slog.LevelDebug, time.Minute)
		pass(59*time.Second, slog.LevelDebug)
		set(slog.LevelWarn, 0) // the later one counts
		pass(14*time.Minute, slog.LevelWarn)
		pass(2*time.Minute, slog.LevelInfo)
		if now := c.LogLevel(); now.Until != nil || now.Level != "INFO" {
			t.Errorf("%+v", now)
		}
		set(slog.LevelDebug, time.Minute)
		v.Set(slog.LevelError) // by the program
		pass(2*time.Minute, slog.LevelError)
	})
}

// What was returned stays as it is when the level is changed again.
func TestLogLevelIsACopy(t *testing.T) {
	c := New(Options{})
	var v slog.LevelVar
	c.AdoptLogLevel(&v)
	first, err := c.SetLogLevel(t.Context(), "test", slog.LevelDebug, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	until := *first.Until
	if _, err := c.SetLogLevel(t.Context(), "test", slog.LevelDebug, time.Hour); err != nil || !first.Until.Equal(until) {
		t.Errorf("%v became %v, %v", until, first.Until, err)
	}
	v.Set(slog.LevelInfo)
	c.level.revert.Stop()
}

// levelReader is a log processor that asks for the level.
type levelReader struct{ c *Console }

func (levelReader) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (l levelReader) OnEmit(context.Context, *sdklog.Record) error         { l.c.LogLevel(); return nil }
func (levelReader) Shutdown(context.Context) error                         { return nil }
func (levelReader) ForceFlush(context.Context) error                       { return nil }

func TestProcessorsMayAskForTheLevel(t *testing.T) {
	c := New(Options{})
	before := otel.GetLoggerProvider()
	otel.SetLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithProcessor(levelReader{c})))
	defer otel.SetLoggerProvider(before)
	var v slog.LevelVar
	c.AdoptLogLevel(&v)
	if _, err := c.SetLogLevel(t.Context(), "test", slog.LevelDebug, time.Minute); err != nil {
		t.Error(err)
	}
	c.level.revert.Stop()
}

func TestActionsAreAudited(t *testing.T) {
	r := newRig(t, Options{ActToken: anActToken})
	before := otel.GetLoggerProvider()
	otel.SetLoggerProvider(r.LP)
	defer otel.SetLoggerProvider(before)
	var v slog.LevelVar
	r.AdoptLogLevel(&v)
	h := r.Handler()
	header := []string{"Authorization", "Bearer " + anActToken}
	if w := askFrom(h, http.MethodPost, "http://localhost/control/level", "192.0.2.7:1", map[string][]string{"level": {"debug"}, "for": {"30s"}}, header...); w.Code != 200 || v.Level() != slog.LevelDebug {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w := askFrom(h, http.MethodPost, "http://localhost/control/profile", "192.0.2.7:1", map[string][]string{"kind": {"heap"}}, header...)
	if w.Code != 200 || !bytes.HasPrefix(w.Body.Bytes(), []byte{0x1f, 0x8b}) || !strings.Contains(w.Header().Get("Content-Disposition"), ".pprof") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	logs := r.Logs(store.LogQuery{Text: keys.EventConsoleAction}).Logs
	if len(logs) != 2 || !strings.Contains(logs[1].Body, "set_log_level (DEBUG for 30s) by a token from 192.0.2.7") {
		t.Errorf("%+v", logs)
	}
	for _, l := range logs {
		if strings.Contains(l.Body+l.Attributes.String(), anActToken) {
			t.Error("the audit tells the token")
		}
	}
}

func TestProfiles(t *testing.T) {
	c := New(Options{})
	for _, kind := range ProfileKinds() {
		var b bytes.Buffer
		if err := c.WriteProfile(t.Context(), "test", kind, time.Millisecond, &b); err != nil || b.Len() == 0 {
			t.Errorf("%s: %d bytes, %v", kind, b.Len(), err)
		}
	}
	for kind, during := range map[string]time.Duration{"threads": 0, ProfileCPU: time.Minute, ProfileHeap: -1} {
		if err := c.WriteProfile(t.Context(), "test", kind, during, &bytes.Buffer{}); err == nil {
			t.Errorf("%s for %v is taken", kind, during)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.WriteProfile(ctx, "test", ProfileCPU, 30*time.Second, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone still profiles: %v", err)
	}
	c.profiling.Lock()
	if err := c.WriteProfile(t.Context(), "test", ProfileHeap, 0, &bytes.Buffer{}); !errors.Is(err, errProfiling) {
		t.Errorf("two at once: %v", err)
	}
}

func blocked(started chan<- struct{}, release <-chan struct{}) {
	started <- struct{}{}
	<-release
}

func TestGoroutinesOfOneStackAreTogether(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	for range 50 {
		go blocked(started, release)
		<-started
	}
	g := New(Options{}).Goroutines(maxGroups)
	found := 0
	for _, group := range g.Groups {
		if strings.HasSuffix(group.Top, "console.blocked") {
			found += group.Count
			if len(group.Stack) == 0 || !strings.Contains(group.Stack[len(group.Stack)-1], "actions_test.go:") {
				t.Errorf("%q", group.Stack)
			}
		}
	}
	if found != 50 || g.Total < 50 {
		t.Errorf("%d of 50 in %d", found, g.Total)
	}
	if one := New(Options{}).Goroutines(0); len(one.Groups) != 1 || !one.Truncated {
		t.Errorf("%d groups", len(one.Groups))
	}
}

func TestTopIsTheProgramsOwnFunction(t *testing.T) {
	frames := func(functions ...string) string {
		text := "1 @ 0x1"
		for _, f := range functions {
			text += "\n#\t0x1\t" + f + "+0x2\t/x.go:3"
		}
		return text
	}
	for want, text := range map[string]string{
		"example.com/shop/db.(*Pool).get": frames("internal/poll.runtime_pollWait", "net.(*netFD).Read", "example.com/shop/db.(*Pool).get", "main.main"),
		"main.wait":                       frames("sync.(*Mutex).Lock", "database/sql.(*DB).conn", "main.wait"),
		"net.(*netFD).Read":               frames("internal/poll.runtime_pollWait", "net.(*netFD).Read", "net/http.(*conn).serve"),
		"":                                frames("runtime.gopark"),
	} {
		if got := parseGoroutines(text); len(got) != 1 || got[0].Top != want {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}

func FuzzParseGoroutines(f *testing.F) {
	f.Add("goroutine profile: total 2\n1 @ 0x1 0x2\n# labels: {\"a\":\"b\"}\n#\t0x1\tmain.f+0x2\t/a/b.go:3\n\n1 @ 0x3\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, g := range parseGoroutines(text) {
			if g.Count <= 0 || g.Stack == nil || len(g.Stack) > maxFrames {
				t.Errorf("%+v", g)
			}
		}
	})
}

func TestServe(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // of macOS
	listen := func(addr string) net.Listener {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	public := listen("0.0.0.0:0")
	if err := New(Options{}).Serve(t.Context(), public); err == nil || !strings.Contains(err.Error(), "ReadToken") {
		t.Errorf("a public address without a token: %v", err)
	}
	if _, err := public.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is left open: %v", err)
	}

	l := listen("127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(Options{}).Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/api/summary")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v %v", resp, err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	list, err := announce.List()
	if err != nil || len(list) != 1 || list[0].URL != "http://"+l.Addr().String()+"/" || list[0].PID != os.Getpid() {
		t.Errorf("announced: %+v, %v", list, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if list, err := announce.List(); err != nil || len(list) != 0 {
		t.Errorf("not withdrawn: %+v, %v", list, err)
	}
}

// TestAProfileEndsWhenThereIsTooMuchOfIt can be read all the same.
func TestAProfileEndsWhenThereIsTooMuchOfIt(t *testing.T) {
	c := New(Options{})
	if b, cut, err := c.holdProfile(t.Context(), "a test", ProfileTrace, longestProfileTime, 1); err != nil || cut == 0 || !bytes.HasPrefix(b, []byte("go 1.")) {
		t.Errorf("an execution trace: cut after %v, %v, %.20q", cut, err, b)
	}
	if b, cut, err := c.holdProfile(t.Context(), "a test", ProfileHeap, 0, 1); err != nil || cut != 0 || len(b) == 0 {
		t.Errorf("what does not last: cut after %v, %v, %d bytes", cut, err, len(b))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, cut, err := c.holdProfile(ctx, "a test", ProfileTrace, 0, maxProfile); !errors.Is(err, context.Canceled) || cut != 0 {
		t.Errorf("who has gone: cut after %v, %v", cut, err)
	}
}

// TestServeOnASocket is not announced: the command would find what it can't reach.
func TestServeOnASocket(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // of macOS
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(Options{}).Serve(ctx, l) }()
	dial := func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", l.Addr().String()) }
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	resp, err := client.Get("http://localhost/api/summary")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if list, err := announce.List(); err != nil || len(list) != 0 {
		t.Errorf("announced: %+v, %v", list, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  *sync.Once
}

func newPipes() pipes { return pipes{make(chan net.Conn), make(chan struct{}), new(sync.Once)} }

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }
func (pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// TestServeEndsWithWhoDawdles is of clients that have proved nothing.
func TestServeEndsWithWhoDawdles(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // of macOS
	for name, request := range map[string]string{
		"who sends no body":       "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
		"who sends a late body":   "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
		"who takes no answer":     "GET /login HTTP/1.1\r\nHost: x\r\n\r\n",
		"who sends half a head":   "GET /login HTTP/1.1\r\n",
		"who asks and then idles": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipes()
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- New(Options{ReadToken: aReadToken}).Serve(ctx, l) }()
				here, there := net.Pipe()
				l.conns <- there
				if _, err := here.Write([]byte(request)); err != nil {
					t.Fatal(err)
				}
				<-time.After(idleTimeout + writeTimeout)
				_ = here.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := io.Copy(io.Discard, here); err != nil {
					t.Errorf("the connection is kept: %v", err)
				}
				_ = here.Close()
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestServeLeavesNothingOpen closes the listener while a connection idles.
func TestServeLeavesNothingOpen(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // of macOS
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		ended := make(chan error, 1)
		go func() { ended <- New(Options{}).Serve(t.Context(), l) }()
		here, there := net.Pipe()
		l.conns <- there
		if _, err := here.Write([]byte("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		_ = here.SetReadDeadline(time.Now().Add(time.Second))
		answer, err := http.ReadResponse(bufio.NewReader(here), &http.Request{Method: http.MethodHead})
		if err != nil || answer.StatusCode != http.StatusForbidden {
			t.Fatalf("%v, %v", answer, err)
		}
		_, _ = answer.Body.Close(), l.Close()
		if err := <-ended; err == nil {
			t.Error("that the listener was closed is not told")
		}
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the connection is left open: %v", err)
		}
		_ = here.Close()
	})
}

func TestAnnouncedFilesAreThisUsersAlone(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "[a]*?") // a name that reads as a pattern
	t.Setenv("XDG_CACHE_HOME", cache)
	withdraw, err := New(Options{}).Announce("http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	defer withdraw()
	dir := filepath.Join(cache, "otelmon", "consoles")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Skipf("the cache directory is elsewhere here: %v %v", files, err)
	}
	for path, want := range map[string]os.FileMode{filepath.Join(dir, files[0].Name()): 0o600, dir: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	list, err := announce.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	announce.Forget(list[0])
	if list, _ := announce.List(); len(list) != 0 {
		t.Error("not forgotten")
	}
}
