package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func get(t *testing.T, h http.Handler, target, accept string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func everyone(*http.Request) bool { return true }

// mixed is a registry with a check in every state.
func mixed(t *testing.T) *Registry {
	t.Helper()
	return begin(t, Options{},
		Check{Name: "cache", Func: func(ctx context.Context) error {
			Detail(ctx, attribute.Float64("hit.ratio", 0.5), attribute.Float64("nan", math.NaN()), attribute.Int("lines", 2), attribute.String("x", "a\nb"))
			return Degraded(errors.New("cold\n[+]forged ok"))
		}},
		Check{Name: "db", Critical: true, Runbook: "https://runbooks.example/db", Func: func(context.Context) error {
			return errors.New("dial postgres://app:s3cret@db.internal:5432/shop: refused")
		}},
		Check{Name: "late", Interval: 100 * time.Second, Func: pass},
		Check{Name: "loop", Scope: Internal, Critical: true, Probes: Liveness, Func: pass},
		Check{Name: "queue", Func: pass})
}

func TestTextAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mixed(t)
		closed, open := r.Handler(), r.Handler(ShowDetails(everyone), nil)
		early := get(t, closed, "/readyz", "")
		if early.Code != 503 || early.Body.String() != `[?]cache unknown: pending
[?]db unknown: pending
[?]late unknown: pending
[?]queue unknown: pending
note: messages and details are withheld; the program allows them with health.ShowDetails
readyz check failed
` {
			t.Errorf("before the first result: %d\n%s", early.Code, early.Body)
		}
		const note = "note: messages and details are withheld; the program allows them with health.ShowDetails\n"
		advance(800 * time.Millisecond)
		postpone(r, time.Now().Add(time.Hour))
		for _, tc := range []struct {
			handler http.Handler
			target  string
			code    int
			want    string
		}{
			{closed, "/livez", 200, "ok"},
			{closed, "/livez?verbose", 200, "[+]loop ok\n" + note + "livez check passed\n"},
			{closed, "/livez?verbose=true&exclude=loop", 200, "[+]loop excluded: ok\n" + note + "livez check passed\n"},
			{closed, "/readyz", 503, `[!]cache degraded: error
[-]db unhealthy: error
[+]late ok
[+]queue ok
` + note + "readyz check failed\n"},
			{closed, "/startupz?exclude=db", 200, "degraded"},
			{closed, "/readyz?exclude=db&exclude=cache", 200, "ok"},
			{closed, "/readyz?verbose&exclude=db&exclude=nope&exclude=%0A%22&exclude=loop", 200, `[!]cache degraded: error
[+]db excluded: ok
[+]late ok
[+]queue ok
warn: some health checks cannot be excluded: no matches for "nope", "\n\"", "loop"
` + note + "readyz check passed, degraded\n"},
			{open, "/readyz", 503, `[!]cache degraded: error: cold [+]forged ok hit.ratio=0.5 lines=2 nan=NaN x=a b
[-]db unhealthy: error: dial postgres://app:***@db.internal:5432/shop: refused
    runbook: https://runbooks.example/db
[+]late ok
[+]queue ok
readyz check failed
`},
			{open, "/livez", 200, "ok"},
		} {
			got := get(t, tc.handler, tc.target, "")
			if got.Code != tc.code || got.Body.String() != tc.want {
				t.Errorf("%s: %d\n%s\nwant %d\n%s", tc.target, got.Code, got.Body, tc.code, tc.want)
			}
			if h := got.Header(); h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Cache-Control") != "no-store" ||
				h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Vary") != "Accept" {
				t.Errorf("%s: header %v", tc.target, h)
			}
		}
	})
}

// People read text and get units, programs read JSON and get every digit.
func TestFiguresInAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{}, Check{Name: "c", Func: func(ctx context.Context) error {
			Detail(ctx, attribute.Int64("disk.free", 76266405888), attribute.Float64("disk.free_ratio", 0.28189063449497637),
				attribute.Float64("lag.seconds", 1.23456789), attribute.Int("queue.bytes", 1536), attribute.String("text.bytes", "2048"))
			return nil
		}})
		advance(time.Second)
		open := r.Handler(ShowDetails(everyone))
		if got, want := get(t, open, "/readyz?verbose", "").Body.String(), "[+]c ok disk.free=71.0GiB disk.free_ratio=0.282"+
			" lag.seconds=1.23456789 queue.bytes=1.5KiB text.bytes=2048\nreadyz check passed\n"; got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		body := get(t, open, "/readyz?verbose", "application/json").Body.String()
		if want := `{"disk.free":76266405888,"disk.free_ratio":0.28189063449497637,"lag.seconds":1.23456789,"queue.bytes":1536,"text.bytes":"2048"}`; !strings.Contains(body, want) {
			t.Errorf("%s\nwant\n%s", body, want)
		}
	})
}

func TestJSONAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const note = `"note":"messages and details are withheld; the program allows them with health.ShowDetails"`
		r := mixed(t)
		advance(800 * time.Millisecond)
		for _, tc := range []struct {
			handler http.Handler
			target  string
			want    string
		}{
			{r.Handler(), "/livez", `{"probe":"livez","state":"healthy"}`},
			{r.Handler(), "/livez?verbose&exclude=x", `{"probe":"livez","state":"healthy",` +
				`"warning":"some health checks cannot be excluded: no matches for \"x\"",` + note + `,` +
				`"checks":[{"name":"loop","state":"healthy","critical":true}]}`},
			{r.Handler(), "/readyz?exclude=late&exclude=queue", `{"probe":"readyz","state":"unhealthy",` + note + `,"checks":[` +
				`{"name":"cache","state":"degraded","critical":false,"reason":"error"},{"name":"db","state":"unhealthy","critical":true,"reason":"error"},` +
				`{"name":"late","state":"healthy","critical":false,"excluded":true},{"name":"queue","state":"healthy","critical":false,"excluded":true}]}`},
			{r.Handler(ShowDetails(everyone)), "/readyz?exclude=db&exclude=queue&verbose", `{"probe":"readyz","state":"degraded","checks":[` +
				`{"name":"cache","state":"degraded","critical":false,"reason":"error","message":"cold\n[+]forged ok",` +
				`"details":{"hit.ratio":0.5,"lines":2,"nan":"NaN","x":"a\nb"},"since":"2000-01-01T00:00:00.5Z","timestamp":"2000-01-01T00:00:00.5Z",` +
				`"last_completion":"2000-01-01T00:00:00.5Z","duration_seconds":0},` +
				`{"name":"db","state":"unhealthy","critical":true,"excluded":true,"reason":"error",` +
				`"message":"dial postgres://app:***@db.internal:5432/shop: refused","since":"2000-01-01T00:00:00.5Z","timestamp":"2000-01-01T00:00:00.5Z",` +
				`"last_completion":"2000-01-01T00:00:00.5Z","duration_seconds":0,"runbook":"https://runbooks.example/db"},` +
				`{"name":"late","state":"healthy"`},
		} {
			got := get(t, tc.handler, tc.target, "application/json")
			if !strings.HasPrefix(got.Body.String(), tc.want) || !json.Valid(got.Body.Bytes()) {
				t.Errorf("%s:\n%s\nwant\n%s", tc.target, got.Body, tc.want)
			}
			if kind := got.Header().Get("Content-Type"); kind != "application/json" {
				t.Errorf("content type %s", kind)
			}
		}
	})
}

// Whatever is asked for, an error's words stay inside unless they were allowed.
func TestErrorsAreHiddenByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mixed(t)
		advance(time.Second)
		closed := r.Handler()
		picky := r.Handler(ShowDetails(func(req *http.Request) bool { return req.Header.Get("X-Admin") == "yes" }))
		nobody := r.Handler(ShowDetails(nil))
		for _, h := range []http.Handler{closed, picky, nobody} {
			for _, target := range []string{"/readyz", "/readyz?verbose", "/startupz?verbose=full&details=1", "/readyz?verbose&exclude=db"} {
				for _, accept := range []string{"", "application/json"} {
					body := get(t, h, target, accept).Body.String()
					for _, secret := range []string{"s3cret", "db.internal", "5432", "refused", "postgres", "cold", "hit", "lines"} {
						if strings.Contains(body, secret) {
							t.Errorf("%s (%s) tells %q:\n%s", target, accept, secret, body)
						}
					}
				}
			}
		}
		req := httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody)
		req.Header.Set("X-Admin", "yes")
		w := httptest.NewRecorder()
		picky.ServeHTTP(w, req)
		if body := w.Body.String(); !strings.Contains(body, "db.internal") || strings.Contains(body, "s3cret") {
			t.Errorf("an admin must see the host and nobody the password:\n%s", body)
		}
	})
}

func TestTraceLeadsFromTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, got := recording(t)
		r := begin(t, o, Check{Name: "c", Func: fail})
		advance(time.Second)
		want := got.spans.Ended()[0].SpanContext().TraceID().String()
		body := get(t, r.Handler(ShowDetails(everyone)), "/readyz?verbose", "application/json").Body.String()
		if !strings.Contains(body, `"trace_id":"`+want+`"`) {
			t.Errorf("no trace id %s in %s", want, body)
		}
	})
}

func TestMethodsAndPaths(t *testing.T) {
	h := New(Options{}).Handler()
	for _, tc := range []struct {
		method, target string
		code           int
	}{
		{"GET", "/livez", 200},
		{"HEAD", "/livez?verbose", 200},
		{"POST", "/livez", 405},
		{"GET", "/", 404},
		{"GET", "/livez/", 404},
		{"GET", "/livez/x", 404},
		{"GET", "/healthz", 404},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.target, http.NoBody))
		if w.Code != tc.code {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.target, w.Code, tc.code)
		}
		if tc.method == "HEAD" && w.Body.Len() > 0 {
			t.Errorf("HEAD has body %q", w.Body)
		}
		if allow := w.Header().Get("Allow"); (tc.code == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s: Allow %q", tc.method, allow)
		}
	}
}

func TestWarningIsBounded(t *testing.T) {
	target := "/livez?verbose" + strings.Repeat("&exclude="+strings.Repeat("x", 1000), 500)
	body := get(t, New(Options{}).Handler(), target, "").Body
	if body.Len() > 1000 || !strings.Contains(body.String(), "and 492 more") {
		t.Errorf("%d bytes: %s", body.Len(), body)
	}
}

// Probes read; they never run a check, wait for one, or disturb one by leaving.
func TestProbesDoNotTouchChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		release := make(chan struct{})
		r := begin(t, Options{}, Check{Name: "c", Critical: true, Interval: 10 * time.Second, Timeout: 8 * time.Second, Func: func(ctx context.Context) error {
			if calls.Add(1) == 2 {
				<-release
			}
			return ctx.Err()
		}})
		advance(12 * time.Second)
		if calls.Load() != 2 {
			t.Fatalf("%d executions, the test needs one in flight", calls.Load())
		}
		start, h := time.Now(), r.Handler()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				cancel() // a client that has already left
				req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", http.NoBody)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, req)
				if w.Code != 200 {
					t.Errorf("healthy with an execution in flight: %d", w.Code)
				}
			})
		}
		wg.Wait()
		if calls.Load() != 2 || time.Since(start) != 0 {
			t.Errorf("%d executions, %v", calls.Load(), time.Since(start))
		}
		close(release)
		synctest.Wait()
		expect(t, r, "c", StateHealthy, "")
	})
}

func TestStateText(t *testing.T) {
	got := fmt.Sprint(StateUnknown, StateHealthy, StateDegraded, StateUnhealthy, State(9))
	if want := "unknown healthy degraded unhealthy State(9)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestOneCheckAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mixed(t)
		must(t, r.Register(Check{Name: "a/b", Func: pass}))
		advance(2 * time.Second)
		const note = "note: messages and details are withheld; the program allows them with health.ShowDetails\n"
		for _, tc := range []struct {
			target string
			code   int
			want   string
		}{
			{"/readyz/db", 503, "[-]db unhealthy: error\n" + note + "db check failed\n"},
			{"/readyz/cache", 200, "degraded"},
			{"/readyz/a/b", 200, "ok"},
			{"/readyz/loop", 404, "no such check\n"}, // not a readiness check
			{"/livez/loop?verbose", 200, "[+]loop ok\n" + note + "loop check passed\n"},
			{"/readyz/x", 404, "no such check\n"},
		} {
			if got := get(t, r.Handler(), tc.target, ""); got.Code != tc.code || got.Body.String() != tc.want {
				t.Errorf("%s: %d %s, want %d %s", tc.target, got.Code, got.Body, tc.code, tc.want)
			}
		}
	})
}

// A failure that everybody is told every few seconds is short, whichever way it
// is put together.
func TestFailureOfManyChecksIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{})
		for i := range 100 {
			check := fail
			if i < 50 {
				check = pass
			}
			must(t, r.Register(Check{Name: fmt.Sprintf("c%02d", i), Critical: true, Func: check}))
		}
		advance(2 * time.Second)
		for _, h := range []http.Handler{r.Handler(), r.Handler(ShowDetails(everyone))} {
			for _, accept := range []string{"", typeJSON, typeHealthJSON} {
				body := get(t, h, "/readyz", accept).Body.String()
				if n := strings.Count(body, "c0") + strings.Count(body, "c4"); n != 0 {
					t.Errorf("%d healthy checks are listed:\n%s", n, body)
				}
				if !strings.Contains(body, "c50") || !strings.Contains(body, "c81") || strings.Contains(body, "c82") ||
					!strings.Contains(body, "68 more checks are listed with ?verbose") {
					t.Errorf("want 32 failing checks and a note of the rest:\n%s", body)
				}
				if body := get(t, h, "/readyz?verbose", accept).Body.String(); !strings.Contains(body, "c00") || !strings.Contains(body, "c99") {
					t.Errorf("?verbose leaves checks out:\n%s", body)
				}
			}
		}
	})
}

// A summary that is kept must not outlive what it sums up: neither a change, nor
// the expiry of a result, nor a check that comes or goes.
func TestAnswersAreNeverOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t, Options{})
		h := r.Handler()
		answers := func(want string) {
			t.Helper()
			for range 2 {
				if got, _, _ := strings.Cut(get(t, h, "/readyz", "").Body.String(), "\n"); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		}
		answers("ok")
		must(t, r.Register(Check{Name: "c", Critical: true, Interval: 10 * time.Second, Timeout: time.Second, Func: script("huuhh")}))
		answers("[?]c unknown: pending")
		advance(time.Second)
		answers("ok")
		advance(10 * time.Second)
		answers("[-]c unhealthy: error")
		advance(20 * time.Second)
		answers("ok")
		postpone(r, time.Now().Add(time.Hour))
		advance(time.Minute)
		answers("[?]c unknown: stale")
		r.Pause("c")
		answers("ok")
		r.Resume("c")
		answers("[?]c unknown: pending")
		r.Unregister("c")
		answers("ok")
		r.Drain()
		answers("[-]shutdown draining")
	})
}
