package console

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// reader takes a stream in as a browser does.
type reader struct {
	header http.Header

	mu      sync.Mutex
	bytes   int
	events  []readNews
	lines   []string // what the events make
	flushed int
}

type readNews struct {
	Build, Title string
	Final        bool
	Edits        [][3]json.RawMessage
}

func (r *reader) Header() http.Header { return r.header }

func (r *reader) WriteHeader(int) {}

func (r *reader) Flush() { r.flushed++ }

func (r *reader) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes += len(b)
	_, data, _ := strings.Cut(string(b), "\ndata: ")
	var n readNews
	if err := json.Unmarshal([]byte(data), &n); err != nil {
		return 0, err
	}
	r.events = append(r.events, n)
	for _, raw := range n.Edits {
		var e edit
		if err := json.Unmarshal(raw[0], &e.From); err != nil {
			return 0, err
		}
		if err := json.Unmarshal(raw[1], &e.Count); err != nil {
			return 0, err
		}
		if err := json.Unmarshal(raw[2], &e.Text); err != nil {
			return 0, err
		}
		r.lines = slices.Replace(r.lines, e.From, e.From+e.Count, e.Text...)
	}
	return len(b), nil
}

func (r *reader) body() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

func (r *reader) received() (events, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events), r.bytes
}

func streamRequest(ctx context.Context, at string) *http.Request {
	q := httptest.NewRequestWithContext(ctx, http.MethodGet, "/stream?"+at, http.NoBody)
	q.Host, q.RemoteAddr = "localhost", "127.0.0.1:1"
	return q
}

// follow opens a stream of a page until stop is called, which waits for its end.
func follow(t *testing.T, h http.Handler, at string) (r *reader, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r = &reader{header: http.Header{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(r, streamRequest(ctx, at))
	}()
	return r, func() { cancel(); <-done }
}

func TestStreamBringsThePageAndThenWhatDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.Log(t.Context(), log.SeverityInfo, "", "the first")
		h := r.Handler()
		got, stop := follow(t, h, "at=logs&q=the")
		defer stop()
		synctest.Wait()
		if n, _ := got.received(); n != 1 || !strings.Contains(got.body(), "the first") || got.header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
			t.Fatalf("%d events, %v: %s", n, got.header, got.body())
		}
		_, whole := got.received()
		r.Log(t.Context(), log.SeverityWarn, "", "the second")
		r.Log(t.Context(), log.SeverityWarn, "", "unlike") // does not match q
		<-time.After(streamInterval)
		synctest.Wait()
		n, all := got.received()
		if n != 2 || !strings.Contains(got.body(), "the second") || !strings.Contains(got.body(), "the first") || strings.Contains(got.body(), "unlike") {
			t.Errorf("%d events: %s", n, got.body())
		}
		if part := all - whole; part > whole/3 {
			t.Errorf("%d bytes for the page, %d for one more row", whole, part)
		}
		page := get(h, "/logs?q=the").Body.String()
		if !strings.Contains(page, strings.Split(got.body(), "\n")[0]) {
			t.Error("the stream draws another page than the one that is loaded")
		}
	})
}

// idleBytes is what a page costs in a second while nothing happens, idleSeconds how
// long that is looked at, and idleSeries how much there is to show.
const (
	idleBytes   = 2000
	idleSeconds = 60
	idleSeries  = 500
)

// busyPast fills a console, of which then nothing changes but what the collection
// of metrics sees.
func (r *rig) busyPast(t *testing.T) {
	t.Helper()
	r.fill(t, "shop")
	counter, err := r.Meter().Int64Counter("shop.calls")
	if err != nil {
		t.Fatal(err)
	}
	for i := range idleSeries {
		counter.Add(t.Context(), int64(i), metric.WithAttributes(attribute.Int("shelf", i)))
	}
	m := r.MP.Meter(keys.ScopeExporters)
	for _, name := range []string{keys.TelemetryCreated, keys.TelemetryDelivered} {
		c, err := m.Int64Counter(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			c.Add(t.Context(), 100, metric.WithAttributes(attribute.String(keys.TelemetrySignal, []string{"traces", "metrics", "logs"}[i%3]),
				attribute.String(keys.TelemetryDestination, fmt.Sprint("backend", i/3))))
		}
	}
}

func TestIdleStreamIsThrifty(t *testing.T) {
	views := []string{"metrics&name=shop.calls", "logs&patterns=1"}
	for name := range pages() {
		if !strings.Contains(name, "{") {
			views = append(views, name)
		}
	}
	for _, at := range views {
		t.Run("at="+at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Options{})
				r.busyPast(t)
				<-time.After(20 * time.Minute) // all histories are full
				got, stop := follow(t, r.Handler(), "at="+at)
				defer stop()
				synctest.Wait()
				_, before := got.received()
				<-time.After(idleSeconds * time.Second)
				n, after := got.received()
				perSecond := (after - before) / idleSeconds
				if (n < idleSeconds/2 && !got.events[n-1].Final) || perSecond > idleBytes {
					t.Errorf("%d events, %d bytes a second, %d at first", n, perSecond, before)
				}
			})
		})
	}
}

func TestStreamsAreBoundedAndRefusedWhereNothingIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{}).Handler()
		var stops []func()
		for range maxStreams {
			_, stop := follow(t, h, "at=")
			stops = append(stops, stop)
		}
		synctest.Wait()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, streamRequest(t.Context(), "at="))
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("one too many: %d %v", w.Code, w.Header())
		}
		for _, stop := range stops {
			stop()
		}
		held := httptest.NewRecorder()
		h.ServeHTTP(struct{ http.ResponseWriter }{held}, streamRequest(t.Context(), "at="))
		if held.Code != http.StatusNotImplemented || strings.HasPrefix(held.Header().Get("Content-Type"), "text/event-stream") {
			t.Errorf("a writer that cannot flush: %d %v", held.Code, held.Header())
		}
		for at, want := range map[string]int{"at=nothing": 404, "at=traces/xyz": 404, "at=api/": 404, "at=traces/" + url.PathEscape("../x"): 404} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, streamRequest(t.Context(), at))
			if w.Code != want {
				t.Errorf("%s: %d", at, w.Code)
			}
		}
	})
}

func TestStreamOfAFinishedTraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		_, s := r.Span(t.Context(), "work")
		got, stop := follow(t, r.Handler(), "at=traces/"+traceID(s).String())
		defer stop()
		synctest.Wait()
		if !strings.Contains(got.body(), "running") {
			t.Errorf("%s", got.body())
		}
		s.End()
		<-time.After(2 * streamInterval)
		synctest.Wait()
		if n, _ := got.received(); n != 2 || !got.events[1].Final {
			t.Errorf("%d events, %+v", n, got.events[n-1])
		}
	})
}

// TestStreamEndsWithItsServer also holds two limits against a stream: that of
// the server for writing an answer, and that a shutdown waits for answers.
func TestStreamEndsWithItsServer(t *testing.T) {
	server := httptest.NewUnstartedServer(New(Options{}).Handler())
	server.Config.WriteTimeout = streamInterval / 10
	server.Start()
	defer server.Close()
	answer, err := http.Get(server.URL + "/stream?at=runtime") //nolint:noctx // it ends with the server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for events := 0; events < 2 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data: ") {
			events++
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), streamInterval)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Errorf("the stream was cut off instead of ended: %v", err)
	}
}

// TestServersAreShutDownAgain calls Shutdown as who gives up and tries again does:
// the server tells of each call.
func TestServersAreShutDownAgain(t *testing.T) {
	server := httptest.NewServer(New(Options{}).Handler())
	defer server.Close()
	answer, err := http.Get(server.URL + "/stream?at=runtime") //nolint:noctx // it ends with the server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	for range 3 {
		if err := server.Config.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Error(err)
	}
}

func TestHeadOfAStreamIsAllOfIt(t *testing.T) {
	q := streamRequest(t.Context(), "at=")
	q.Method = http.MethodHead
	w := httptest.NewRecorder()
	New(Options{}).Handler().ServeHTTP(w, q)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") || w.Body.Len() > 0 {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
