package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
)

func newTestSite(t *testing.T) http.Handler {
	t.Helper()
	s := newStore(t)
	index(t, s, fstest.MapFS{
		"hello/hello.go": {Data: []byte("package hello\n\n// Greet says <script>alert(1)</script> & more.\nfunc Greet() {}\n")},
		"hello/other.go": {Data: []byte("package hello\n\nvar _ = Greet\n")},
		"a b#c?.go":      {Data: []byte("package oddname\n")},
	})
	mux := http.NewServeMux()
	newSite(newApp(s, "/tree", slog.New(slog.DiscardHandler))).register(mux)
	return mux
}

func get(t *testing.T, h http.Handler, target, accept string) (int, http.Header, string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	body, _ := io.ReadAll(w.Result().Body)
	return w.Code, w.Header(), string(body)
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestSearchPage(t *testing.T) {
	site := newTestSite(t)
	for name, test := range map[string]struct {
		target string
		status int
		want   []string
	}{
		"home":      {"/", http.StatusOK, []string{`name="q"`, "/tree"}},
		"found":     {"/search?q=Greet", http.StatusOK, []string{"2 files", "hello/hello.go", "func <mark>Greet</mark>() {}", `href="/source/hello/hello.go#L4"`}},
		"escaped":   {"/search?q=script", http.StatusOK, []string{"&lt;<mark>script</mark>&gt;alert(1)"}},
		"nothing":   {"/search?q=absent", http.StatusOK, []string{"Nothing found"}},
		"no query":  {"/search", http.StatusBadRequest, []string{"Type something"}},
		"hostile":   {"/search?q=" + url.QueryEscape(`"><script>x</script>`+"\x1b"), http.StatusBadRequest, []string{"control characters", "&gt;&lt;script&gt;"}},
		"not UTF-8": {"/search?q=%ff%fe%fd", http.StatusBadRequest, []string{"UTF-8"}},
		"source":    {"/source/hello/hello.go", http.StatusOK, []string{`id="L3"`, "&lt;script&gt;"}},
		"odd name":  {"/source/a%20b%23c%3F.go", http.StatusOK, []string{"package oddname"}},
		"traversal": {"/source/..%2f..%2fetc%2fpasswd", http.StatusNotFound, []string{"No such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := get(t, site, test.target, browser)
			if status != test.status || !strings.HasPrefix(header.Get("Content-Type"), "text/html") {
				t.Errorf("status %d, type %q", status, header.Get("Content-Type"))
			}
			for _, want := range test.want {
				if !strings.Contains(body, want) {
					t.Errorf("no %q in\n%s", want, body)
				}
			}
			if strings.Contains(body, "<script") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Error("a script could get through")
			}
		})
	}
}

func TestOddNamesAreLinked(t *testing.T) {
	_, _, body := get(t, newTestSite(t), "/search?q=oddname", browser)
	if want := `href="/source/a%20b%23c%3F.go"`; !strings.Contains(body, want) {
		t.Errorf("no %s in\n%s", want, body)
	}
}

func TestSearchJSON(t *testing.T) {
	site := newTestSite(t)
	for name, test := range map[string]struct {
		target, accept string
		status, total  int
		fault          bool
	}{
		"by header":    {"/search?q=Greet", "application/json", http.StatusOK, 2, false},
		"by parameter": {"/search?q=Greet&format=json", browser, http.StatusOK, 2, false},
		"nothing":      {"/search?q=absent&format=json", "", http.StatusOK, 0, false},
		"hostile":      {"/search?q=%00&format=json", "", http.StatusBadRequest, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := get(t, site, test.target, test.accept)
			var a answer
			if err := json.Unmarshal([]byte(body), &a); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			if status != test.status || header.Get("Content-Type") != "application/json" {
				t.Errorf("status %d, type %q", status, header.Get("Content-Type"))
			}
			if a.Total != test.total || len(a.Results) != test.total || (a.Error != "") != test.fault || a.Results == nil {
				t.Errorf("got %s", body)
			}
		})
	}
}

// TestSearchWithoutIndex: trouble of ours is told without its details.
func TestSearchWithoutIndex(t *testing.T) {
	s := newStore(t)
	mux := http.NewServeMux()
	newSite(newApp(s, "/tree", slog.New(slog.DiscardHandler))).register(mux)
	if _, err := s.write.ExecContext(t.Context(), `DROP TABLE search`); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/search?q=Greet", "/source/a.go"} {
		status, _, body := get(t, mux, target, browser)
		if status != http.StatusInternalServerError || strings.Contains(body, "no such table") {
			t.Errorf("%s: status %d\n%s", target, status, body)
		}
	}
}
