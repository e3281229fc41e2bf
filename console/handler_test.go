package console

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

func get(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	r.Host, r.RemoteAddr = "localhost:8080", "127.0.0.1:50000"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// fill feeds one of everything, each text made of s.
func (r *rig) fill(t *testing.T, s string) (id string) {
	t.Helper()
	any := attribute.String(s, s)
	ctx, span := r.TP.Tracer(s).Start(t.Context(), s)
	_, child := r.Span(ctx, s)
	child.AddEvent(s, trace.WithAttributes(any))
	child.SetAttributes(any)
	child.SetStatus(codes.Error, s)
	child.End()
	for _, level := range []log.Severity{log.SeverityDebug, log.SeverityInfo, log.SeverityWarn, log.SeverityError} {
		r.Log(ctx, level, s, s, any)
	}
	span.End()
	_, open := r.Span(t.Context(), s)
	t.Cleanup(func() { open.End() })

	r.Status(t, map[string]string{s: store.StateDegraded, "db": store.StateHealthy}, store.StateDegraded)
	r.Change(t, s, store.StateHealthy, store.StateDegraded, s)
	base := []attribute.KeyValue{attribute.String(keys.BulkOperationName, s), attribute.String(keys.BulkOperationID, s), attribute.Int(keys.BulkItemsTotal, 10)}
	opCtx, op := r.Bulk(t.Context(), "bulk "+s, base...)
	t.Cleanup(func() { op.End() })
	_, stage := r.Bulk(opCtx, "bulk.stage "+s)
	t.Cleanup(func() { stage.End() })
	r.Log(opCtx, log.SeverityInfo, keys.EventBulkProgress, s, append(base, attribute.Int(keys.BulkItemsOK, 4), attribute.Int(keys.BulkItemsSkipped, 1))...)
	r.Log(opCtx, log.SeverityWarn, keys.EventBulkItemFailed, s, base...)
	_, ended := r.Bulk(t.Context(), "bulk "+s+"2", attribute.String(keys.BulkOperationID, s+"2"))
	ended.SetStatus(codes.Error, s)
	ended.End()

	h, err := r.Meter().Float64Histogram("shop.duration", metric.WithUnit("s"), metric.WithDescription(s))
	if err != nil {
		t.Fatal(err)
	}
	h.Record(ctx, 0.5, metric.WithAttributes(any))
	c, err := r.Meter().Int64Counter("shop.io", metric.WithUnit("By"))
	if err != nil {
		t.Fatal(err)
	}
	c.Add(ctx, 5, metric.WithAttributes(any))
	return traceID(span).String()
}

var links = regexp.MustCompile(`(?:href|action)="([^"#]*)"`)

func TestWorksUnderAnyMount(t *testing.T) {
	r := newRig(t, Options{})
	r.fill(t, "plain")
	con := r.Handler()
	mux := func(pattern string, h http.Handler) http.Handler {
		m := http.NewServeMux()
		m.Handle(pattern, h)
		return m
	}
	for name, tc := range map[string]struct {
		h    http.Handler
		root string
	}{
		"bare":                         {con, "/"},
		"pattern":                      {mux("/debug/otelmon/", con), "/debug/otelmon/"},
		"pattern with method and host": {mux("GET localhost/debug/otelmon/", con), "/debug/otelmon/"},
		"pattern with wildcard":        {mux("/tenants/{id}/console/", con), "/tenants/7/console/"},
		"pattern for the rest":         {mux("/c/{rest...}", con), "/c/"},
		"strip prefix":                 {mux("/debug/otelmon/", http.StripPrefix("/debug/otelmon", con)), "/debug/otelmon/"},
		"strip prefix with slash":      {mux("/debug/otelmon/", http.StripPrefix("/debug/otelmon/", con)), "/debug/otelmon/"},
		"other router":                 {con, "/a/b/c/"},
		"prefix like a page":           {mux("/api/", con), "/api/"},
		"prefix like a trace":          {mux("/traces/", con), "/traces/"},
	} {
		t.Run(name, func(t *testing.T) { crawl(t, tc.h, tc.root) })
	}
}

// crawl follows every link from the root and wants an answer to each.
func crawl(t *testing.T, h http.Handler, root string) {
	t.Helper()
	queue, seen := []string{root}, map[string]bool{root: true}
	titles := map[string]bool{}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		w := get(h, at)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", at, w.Code, w.Body)
			continue
		}
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		body := w.Body.String()
		_, title, _ := strings.Cut(body, "<h1>")
		title, _, _ = strings.Cut(title, "</h1>")
		titles[title] = true
		here, _ := url.Parse(at)
		for _, m := range links.FindAllStringSubmatch(body, -1) {
			to, err := here.Parse(html.UnescapeString(m[1]))
			if err != nil || to.Scheme == "data" {
				continue
			}
			if !strings.HasPrefix(to.Path, root) {
				t.Errorf("%s links outside: %s", at, m[1])
			}
			if !seen[to.RequestURI()] && len(seen) < 60 {
				seen[to.RequestURI()] = true
				queue = append(queue, to.RequestURI())
			}
		}
	}
	for _, want := range []string{"Overview", "Health", "Operations", "Traces", "Logs", "Metrics", "Runtime", "plain"} {
		if !titles[want] {
			t.Errorf("no way to page %q; found %v", want, titles)
		}
	}
}

func TestRootWithoutSlashRedirects(t *testing.T) {
	h := http.StripPrefix("/debug/otelmon", New(Options{}).Handler())
	w := get(h, "/debug/otelmon?live=0")
	if got := w.Header().Get("Location"); w.Code != http.StatusTemporaryRedirect || got != "./otelmon/?live=0" {
		t.Errorf("%d %q", w.Code, got)
	}
}

func TestUnknownAddressesAreNotFound(t *testing.T) {
	h := New(Options{}).Handler()
	for _, path := range []string{"/nothing", "/traces/xyz", "/api/nothing", "/traces/00000000000000000000000000000000", "/style.css", "/ui/style.css"} {
		if w := get(h, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/traces/0123456789abcdef0123456789abcdef", "/api/traces/0123456789abcdef0123456789abcdef"} {
		if w := get(h, path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "othing of this trace is kept") || !strings.Contains(w.Body.String(), "all is kept since") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestMalformedTraceIDIsToldSo(t *testing.T) {
	r := newRig(t, Options{})
	h := http.StripPrefix("/c", r.Handler())
	for path, want := range map[string]int{"/c/traces/deadbeef": 404, "/c/api/traces/deadbeef": 400, "/c/api/traces/" + strings.Repeat("0", 32): 400} {
		w := get(h, path)
		if w.Code != want || !strings.Contains(w.Body.String(), "32 hexadecimal digits") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if strings.Contains(path, "api") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s is no JSON: %s", path, w.Body)
		}
	}
	if w := get(h, "/c/nothing"); strings.Contains(w.Body.String(), "hexadecimal") {
		t.Errorf("%s", w.Body)
	}
}

func TestTraceListLeavesOutOwnScopes(t *testing.T) {
	r := newRig(t, Options{})
	for _, scope := range []string{keys.ScopeOtelmon, "shop.example/a/b/checkout"} {
		_, s := r.TP.Tracer(scope).Start(t.Context(), "GET /")
		s.End()
	}
	body := get(r.Handler(), "/traces").Body.String()
	if strings.Contains(body, "otelmon-go") || !strings.Contains(body, "b/checkout") {
		t.Error("want the scopes of others only")
	}
}

func TestOnlyReads(t *testing.T) {
	h := New(Options{}).Handler()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
		r := httptest.NewRequest(method, "/api/summary", http.NoBody)
		r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

func TestHeadersAreStrict(t *testing.T) {
	h := New(Options{}).Handler()
	page := get(h, "/")
	for name, want := range map[string]string{
		"Content-Security-Policy":      "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types otelmon",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	} {
		if got := page.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	style := regexp.MustCompile(`style\.[0-9a-f]{12}\.css`).FindString(page.Body.String())
	css := get(h, "/"+style)
	if css.Code != 200 || !strings.HasPrefix(css.Header().Get("Content-Type"), "text/css") ||
		!strings.Contains(css.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %v", style, css.Code, css.Header())
	}
	if strings.Contains(css.Body.String(), "url(") || strings.Contains(css.Body.String(), "@import") {
		t.Error("the style sheet reaches outside")
	}
}

var ownScript = regexp.MustCompile(`<script type="module" src="[./]+app\.[0-9a-f]{12}\.js"></script>`)

// TestHostileTelemetryStaysText plants text that tries to be markup, script or
// a terminal's command everywhere, and looks for it everywhere.
func TestHostileTelemetryStaysText(t *testing.T) {
	const evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{.}}\x1b[31m\u202e\x00\xff</title></svg>--><!--javascript:alert(3)"
	r := newRig(t, Options{})
	id := r.fill(t, evil)
	h := r.Handler()
	asked := url.QueryEscape(evil)
	paths := []string{
		"/", "/health", "/operations", "/traces", "/logs", "/metrics", "/runtime", "/traces/" + id, "/delivery", "/control",
		"/logs?patterns=1", "/metrics?name=shop.io", "/metrics?name=" + asked, "/runtime?window=" + asked, "/logs?since=" + asked + "&until=" + asked,
		"/logs?q=" + asked + "&level=" + asked + "&trace=" + asked, "/traces?q=" + asked + "&min=" + asked + "&limit=" + asked,
		"/metrics?q=" + asked, "/?live=" + asked, "/?" + asked,
		"/api/summary", "/api/health", "/api/operations", "/api/traces", "/api/logs", "/api/metrics", "/api/traces/" + id,
		"/api/logs?level=" + asked, "/api/logs?" + asked, "/" + url.PathEscape(evil),
	}
	for _, path := range paths {
		w := get(h, path)
		body := ownScript.ReplaceAllString(w.Body.String(), "")
		for _, bad := range []string{"<script", "<img", "onerror=alert(2)>", "\x1b", "\u202e", "\x00", "\xff", "style=", `="javascript:`, "ZgotmplZ"} {
			if strings.Contains(body, bad) {
				i := strings.Index(body, bad)
				t.Errorf("%s contains %q: …%q…", path, bad, body[max(0, i-60):min(len(body), i+60)])
			}
		}
		if strings.HasPrefix(path, "/api/") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s is no JSON", path)
		}
	}
	if body := get(h, "/traces/"+id).Body.String(); !strings.Contains(body, "&lt;script&gt;alert(1)") {
		t.Error("the text itself is not shown: the test looks in the wrong place")
	}
}

func TestEmptyStateTellsWhatToDo(t *testing.T) {
	c := New(Options{})
	h := c.Handler()
	if body := get(h, "/").Body.String(); !strings.Contains(body, "Waiting for telemetry") || !strings.Contains(body, "otelmon.Config") {
		t.Errorf("%s", body)
	}
	for name := range pages() {
		if strings.Contains(name, traceRoute) {
			continue
		}
		if w := get(h, "/"+name); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestListsAreNeverNull(t *testing.T) {
	list := regexp.MustCompile(`"(checks|changes|operations|traces|spans|logs|instruments|figures|failures|attributes|events|links|store|history|endpoints|errors|patterns|accounts|settings|series|values|findings|evidence)":null`)
	for name, c := range map[string]*rig{"empty": newRig(t, Options{}), "full": newRig(t, Options{})} {
		paths := []string{"/api/", "/api/summary", "/api/health", "/api/operations", "/api/traces", "/api/logs", "/api/metrics", "/api/runtime", "/api/logs?level=x", "/api/patterns", "/api/delivery", "/api/settings", "/api/history", "/api/diagnosis"}
		if name == "full" {
			paths = append(paths, "/api/traces/"+c.fill(t, "x"))
		}
		for _, path := range paths {
			w := get(c.Handler(), path)
			if m := list.FindString(w.Body.String()); m != "" {
				t.Errorf("%s %s: %s", name, path, m)
			}
			if !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s %s: %s", name, path, w.Body)
			}
		}
	}
}

func TestQuestionsThatAreNotUnderstoodSaySo(t *testing.T) {
	h := New(Options{}).Handler()
	for path, want := range map[string]string{
		"/api/logs?lmit=5":        "unknown parameter lmit: there are q, level, trace, since, until, limit",
		"/api/logs?level=loud":    "level=loud: want one of trace, debug, info, warn, error, fatal",
		"/api/logs?trace=12":      "32 hexadecimal digits",
		"/api/traces?min=1":       "a duration such as 250ms",
		"/api/traces?since=later": "how long ago, such as 15m",
		"/api/traces?limit=0":     "a number from 1 to 500",
		"/api/operations?limit=x": "a number from 1 to 500",
		"/api/summary?q=1":        "there are none",
	} {
		if w := get(h, path); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := get(h, "/logs?level=loud"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "want one of") {
		t.Errorf("page: %d", w.Code)
	}
}

func TestLivePagesReloadAndPause(t *testing.T) {
	h := New(Options{}).Handler()
	const refresh = `http-equiv="refresh"`
	for path, want := range map[string]bool{"/": true, "/?live=0": false, "/logs": false, "/logs?live=1": true, "/operations": true} {
		if got := strings.Contains(get(h, path).Body.String(), refresh); got != want {
			t.Errorf("%s reloads: %v", path, got)
		}
	}
	if !strings.Contains(get(h, "/logs?q=a&live=1").Body.String(), `href="?live=0&amp;q=a"`) {
		t.Error("pausing loses the filter")
	}
}
