package console

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const loginRoute = "login"

// turnAway answers a request that may do nothing: with the login page where
// there is something to log in with.
func (h *handler) turnAway(w http.ResponseWriter, r *http.Request, reason string) {
	if isForeign(r) || !h.c.access.hasTokens() {
		http.Error(w, reason, http.StatusForbidden)
		return
	}
	rel, ok := locate(r, func(rel string) bool { return rel == loginRoute || rel == h.style.name })
	switch {
	case ok && rel == h.style.name:
		h.style.ServeHTTP(w, r)
	case ok && r.Method == http.MethodPost:
		h.logIn(w, r)
	case ok:
		h.renderLogin(w, http.StatusOK)
	case isPageView(r):
		rel, _ := locate(r, h.known)
		http.Redirect(w, r, relativeTo(r, rel, loginRoute), http.StatusSeeOther)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="otelmon"`)
		http.Error(w, reason, http.StatusUnauthorized)
	}
}

func isPageView(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// logIn sets the cookie of a session when the form has a token.
func (h *handler) logIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	scope := h.c.access.scopeOfToken(strings.TrimSpace(r.PostFormValue("token")))
	if scope == ScopeNone {
		h.renderLogin(w, http.StatusUnauthorized, "That is no token of this console.")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: h.c.access.session(scope, time.Now()), Path: rootOf(r, loginRoute),
		MaxAge: int(sessionTime.Seconds()), Secure: r.TLS != nil, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, relativeTo(r, loginRoute, ""), http.StatusSeeOther)
}

// logOut ends the session in this browser.
func logOut(_ *Console, w http.ResponseWriter, r *http.Request, _ Scope) {
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), Path: rootOf(r, "logout"), MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, relativeTo(r, "logout", ""), http.StatusSeeOther)
}

// maxForm bounds what is read of a form.
const maxForm = 4 << 10

// rootOf returns the path that the browser knows the console's root by, at one
// of its addresses. It begins with one slash: two would name a host.
func rootOf(r *http.Request, rel string) string {
	asked, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return "/"
	}
	path := asked.EscapedPath()
	root := strings.TrimSuffix(path, rel)
	if root == path && rel != "" || !strings.HasPrefix(root, "/") {
		return "/"
	}
	return "/" + strings.TrimLeft(root, "/")
}

// relativeTo returns the way from one address of the console to another.
func relativeTo(r *http.Request, from, to string) string {
	if to == "" && strings.Count(from, "/") == 0 {
		return rootOf(r, from)
	}
	return rootOf(r, from) + to
}

func (h *handler) renderLogin(w http.ResponseWriter, status int, faults ...string) {
	var b bytes.Buffer
	if err := h.login.ExecuteTemplate(&b, "login", view{Style: "./" + h.style.name, Faults: faults}); err != nil {
		http.Error(w, "render: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// isSession tells whether a browser that has logged in is asking.
func isSession(r *http.Request) bool {
	_, err := r.Cookie(cookieName(r))
	return err == nil
}
