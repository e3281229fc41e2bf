package console

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	aReadToken = "read-0123456789abcdef"
	anActToken = "act-0123456789abcdef"
)

// ask sends a request from another machine unless a header says otherwise.
func askFrom(h http.Handler, method, target, peer string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.RemoteAddr = peer
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTokensGiveScopes(t *testing.T) {
	const here, elsewhere = "127.0.0.1:1", "192.0.2.7:1"
	for _, tc := range []struct {
		name    string
		options Options
		peer    string
		token   string
		read    int // status of a question
		act     int // status of an action that nothing else is wrong with
	}{
		{"nothing set, here", Options{}, here, "", 200, 403},
		{"nothing set, elsewhere", Options{}, elsewhere, "", 403, 403},
		{"nothing set, an empty token", Options{}, elsewhere, " ", 403, 403},
		{"read token, here without", Options{ReadToken: aReadToken}, here, "", 401, 401},
		{"read token, elsewhere without", Options{ReadToken: aReadToken}, elsewhere, "", 401, 401},
		{"read token, elsewhere", Options{ReadToken: aReadToken}, elsewhere, aReadToken, 200, 403},
		{"read token, a wrong one", Options{ReadToken: aReadToken}, elsewhere, aReadToken + "x", 401, 401},
		{"read token, its beginning", Options{ReadToken: aReadToken}, elsewhere, aReadToken[:20], 401, 401},
		{"a short token lets nobody in", Options{ReadToken: "short"}, here, "short", 401, 401},
		{"act token, here without", Options{ActToken: anActToken}, here, "", 200, 403},
		{"act token, elsewhere without", Options{ActToken: anActToken}, elsewhere, "", 401, 401},
		{"act token, elsewhere", Options{ActToken: anActToken}, elsewhere, anActToken, 200, 400},
		{"both, the one for reading", Options{ReadToken: aReadToken, ActToken: anActToken}, elsewhere, aReadToken, 200, 403},
		{"both, the one for acting", Options{ReadToken: aReadToken, ActToken: anActToken}, elsewhere, anActToken, 200, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := New(tc.options).Handler()
			var header []string
			if tc.token != "" {
				header = []string{"Authorization", "Bearer " + tc.token}
			}
			if w := askFrom(h, http.MethodGet, "http://localhost/api/summary", tc.peer, nil, header...); w.Code != tc.read {
				t.Errorf("read: %d %s", w.Code, w.Body)
			}
			w := askFrom(h, http.MethodPost, "http://localhost/control/level", tc.peer, url.Values{"level": {"LOUD"}}, header...)
			if w.Code != tc.act {
				t.Errorf("act: %d %s", w.Code, w.Body)
			}
			if w.Code == http.StatusUnauthorized && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Error("nothing says what to present")
			}
		})
	}
}

func TestLogInAndOut(t *testing.T) {
	con := New(Options{ReadToken: aReadToken, ActToken: anActToken})
	mux := http.NewServeMux()
	mux.Handle("/debug/otelmon/", con.Handler())
	const root, peer = "https://shop.example/debug/otelmon/", "192.0.2.7:1"
	browser := []string{"Accept", "text/html", "Sec-Fetch-Site", "same-origin"}

	sent := askFrom(mux, http.MethodGet, root+"traces", peer, nil, browser...)
	if sent.Code != http.StatusSeeOther || sent.Header().Get("Location") != "/debug/otelmon/login" {
		t.Fatalf("a browser is not sent to the login page: %d %v", sent.Code, sent.Header())
	}
	page := askFrom(mux, http.MethodGet, root+"login", peer, nil, browser...)
	if page.Code != 200 || !strings.Contains(page.Body.String(), `name="token"`) {
		t.Fatalf("login page: %d %s", page.Code, page.Body)
	}
	wrong := askFrom(mux, http.MethodPost, root+"login", peer, url.Values{"token": {"<script>"}}, browser...)
	if wrong.Code != 401 || len(wrong.Result().Cookies()) > 0 || strings.Contains(wrong.Body.String(), "<script>") {
		t.Errorf("a wrong token: %d %s", wrong.Code, wrong.Body)
	}
	foreign := askFrom(mux, http.MethodPost, root+"login", peer, url.Values{"token": {anActToken}}, "Sec-Fetch-Site", "cross-site")
	if foreign.Code != 403 || len(foreign.Result().Cookies()) > 0 {
		t.Errorf("another site logs a browser in: %d", foreign.Code)
	}
	right := askFrom(mux, http.MethodPost, root+"login", peer, url.Values{"token": {anActToken}}, browser...)
	cookies := right.Result().Cookies()
	if right.Code != http.StatusSeeOther || right.Header().Get("Location") != "/debug/otelmon/" || len(cookies) != 1 {
		t.Fatalf("log in: %d %v", right.Code, right.Header())
	}
	c := cookies[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/debug/otelmon/" || strings.Contains(c.Value, anActToken) {
		t.Errorf("cookie %+v", c)
	}
	with := append(browser, "Cookie", c.Name+"="+c.Value)
	if w := askFrom(mux, http.MethodGet, root+"control", peer, nil, with...); w.Code != 200 || !strings.Contains(w.Body.String(), "Log out") {
		t.Errorf("with a session: %d", w.Code)
	}
	forged := append(browser, "Cookie", c.Name+"=2"+c.Value[1:len(c.Value)-1]+"0")
	if w := askFrom(mux, http.MethodGet, root+"api/summary", peer, nil, forged...); w.Code == 200 && c.Value[len(c.Value)-1] != '0' {
		t.Error("a forged session is let in")
	}
	out := askFrom(mux, http.MethodPost, root+"logout", peer, nil, with...)
	if gone := out.Result().Cookies(); len(gone) != 1 || gone[0].MaxAge >= 0 || gone[0].Path != c.Path {
		t.Errorf("log out: %v", gone)
	}
}

func TestSessionsEndAndCannotBeRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccess(Options{ReadToken: aReadToken})
		scope := func(value string) Scope {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.AddCookie(&http.Cookie{Name: sessionCookie, Value: value})
			return a.scopeOfSession(r, time.Now())
		}
		s := a.session(ScopeRead, time.Now())
		if got := scope(s); got != ScopeRead {
			t.Errorf("a session is %v", got)
		}
		other := newAccess(Options{ReadToken: aReadToken})
		for _, forged := range []string{"2" + s[1:], s[:len(s)-1], other.session(ScopeAct, time.Now()), "", ".", "2..", "2.9999999999." + strings.Repeat("0", 64)} {
			if got := scope(forged); got != ScopeNone {
				t.Errorf("%q is %v", forged, got)
			}
		}
		time.Sleep(sessionTime) //nolint:forbidigo // in a bubble
		if got := scope(s); got != ScopeNone {
			t.Errorf("an ended session is %v", got)
		}
	})
}

func TestMountedHandlersAreBehindTheSameChecks(t *testing.T) {
	con := New(Options{ReadToken: aReadToken, ActToken: anActToken})
	mux := http.NewServeMux()
	mux.Handle("/debug/otelmon/", con.Handler())
	con.Mount("mcp", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Method + " " + ScopeOf(r.Context()).String()))
	}))
	for _, tc := range []struct {
		header []string
		code   int
		want   string
	}{
		{nil, 401, ""},
		{[]string{"Authorization", "Bearer " + aReadToken}, 200, "POST read"},
		{[]string{"Authorization", "bearer " + anActToken}, 200, "POST act"},
		{[]string{"Authorization", "Bearer " + anActToken, "Origin", "https://evil.example"}, 403, ""},
	} {
		w := askFrom(mux, http.MethodPost, "https://shop.example/debug/otelmon/mcp", "192.0.2.7:1", nil, tc.header...)
		if w.Code != tc.code || tc.want != "" && w.Body.String() != tc.want {
			t.Errorf("%v: %d %s", tc.header, w.Code, w.Body)
		}
	}
	if got := ScopeOf(t.Context()); got != ScopeNone {
		t.Errorf("outside of a request: %v", got)
	}
}

// TestPagesArePagesWhateverIsMounted mounts under every name that the console has.
func TestPagesArePagesWhateverIsMounted(t *testing.T) {
	con := New(Options{ActToken: anActToken})
	h := con.Handler()
	mounted := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, name := range []string{"", "health", "api/summary", "login", "stream", "control/level", "logout"} {
		con.Mount(name, mounted)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequestWithContext(t.Context(), method, "/"+name, http.NoBody)
			r.Header.Set("Authorization", "Bearer "+anActToken)
			w := httptest.NewRecorder()
			if name != "stream" || method == http.MethodPost {
				h.ServeHTTP(w, r)
			}
			if w.Code == http.StatusTeapot {
				t.Errorf("%s %q is the mounted one's", method, name)
			}
		}
	}
}

// TestRedirectsStayHere asks by paths that read as another host.
func TestRedirectsStayHere(t *testing.T) {
	h := New(Options{ReadToken: aReadToken}).Handler()
	for _, path := range []string{"//evil.example/", "///evil.example/traces", "/\\evil.example/", "/%5Cevil.example/", "//evil.example/login"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader("token="+aReadToken))
			r.URL.Path, r.RequestURI = strings.ReplaceAll(path, "%5C", "\\"), path
			r.Header.Set("Accept", "text/html")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			to := w.Header().Get("Location")
			if strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\") || strings.Contains(to, ":") {
				t.Errorf("%s %s leads to %s", method, path, to)
			}
		}
	}
}

// TestProgramsDoNotLogEachOtherOut logs in to two on one machine, whose ports
// browsers do not tell cookies apart by.
func TestProgramsDoNotLogEachOtherOut(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func(address string) {
		t.Helper()
		answer, err := browser.Get(address) //nolint:noctx // the server answers
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK || strings.HasSuffix(answer.Request.URL.Path, "login") {
			t.Errorf("%s: %s", answer.Request.URL, answer.Status)
		}
	}
	var all []string
	for range 2 {
		server := httptest.NewServer(New(Options{ReadToken: aReadToken}).Handler())
		defer server.Close()
		defer browser.CloseIdleConnections()
		answer, err := browser.PostForm(server.URL+"/login", url.Values{"token": {aReadToken}}) //nolint:noctx // the server answers
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		all = append(all, server.URL)
	}
	for _, address := range all {
		get(address + "/api/summary")
	}
}
