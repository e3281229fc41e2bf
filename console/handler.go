package console

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

//go:embed ui
var ui embed.FS

// handler serves one console.
type handler struct {
	c       *Console
	pages   map[string]page
	api     map[string]endpoint
	html    map[string]*template.Template
	posts   map[string]func(*Console, http.ResponseWriter, *http.Request, Scope)
	login   *template.Template
	css     []byte
	cssName string
}

// Handler returns the console's page and its JSON twin under api/. It works
// under any prefix, with http.StripPrefix or without:
//
//	mux.Handle("/debug/otelmon/", con.Handler())
//
// It answers only to this machine unless Options.ReadToken or Options.Authorize
// lets others in.
func (c *Console) Handler() http.Handler {
	css, err := ui.ReadFile("ui/style.css")
	if err != nil {
		panic(err) // it is compiled in
	}
	sum := sha256.Sum256(css)
	h := &handler{
		c: c, pages: pages(), api: endpoints(), html: map[string]*template.Template{},
		posts: posts(), login: template.Must(template.ParseFS(ui, "ui/login.html")),
		css: css, cssName: "style." + hex.EncodeToString(sum[:6]) + ".css",
	}
	layout := template.Must(template.New("").Funcs(functions()).ParseFS(ui, "ui/layout.html", "ui/parts.html"))
	for _, p := range h.pages {
		if h.html[p.file] == nil {
			h.html[p.file] = template.Must(template.Must(layout.Clone()).ParseFS(ui, "ui/"+p.file))
		}
	}
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	scope, reason := h.c.admit(r)
	if scope == ScopeNone {
		h.turnAway(w, r, reason)
		return
	}
	if h.delegate(w, r, scope) {
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Of the console, pages are asked by GET and HEAD.", http.StatusMethodNotAllowed)
		return
	}
	rel, ok := locate(r, h.known)
	if !ok && meansTrace(r.URL.Path) {
		refuseTrace(w, r)
		return
	}
	if !ok {
		http.Error(w, "There is no such page of the console. Its root is the address that it is mounted at, which must end in a slash.",
			http.StatusNotFound)
		return
	}
	if to, ok := lacksSlash(r, rel); ok {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	switch name, id := routeOf(rel); {
	case rel == h.cssName:
		h.serveStyle(w)
	case h.api[name].answer != nil:
		h.serveAPI(w, r, h.api[name], id)
	case name == loginRoute:
		h.renderLogin(w, http.StatusOK)
	default:
		h.servePage(w, r, rel, name, ask{values: r.URL.Query(), trace: id, scope: scope, isSession: isSession(r)})
	}
}

// delegate answers what is no page: what others have mounted, and forms.
func (h *handler) delegate(w http.ResponseWriter, r *http.Request, scope Scope) bool {
	if rel, ok := locate(r, func(rel string) bool { return h.c.mounts.at(rel) != nil }); ok {
		h.c.mounts.at(rel).ServeHTTP(w, withScope(r, scope))
		return true
	}
	if r.Method != http.MethodPost {
		return false
	}
	if rel, ok := locate(r, func(rel string) bool { return rel == loginRoute || h.posts[rel] != nil }); ok {
		if rel == loginRoute {
			h.logIn(w, r)
		} else {
			h.posts[rel](h.c, w, r, scope)
		}
		return true
	}
	return false
}

// traceRoute stands for the id in an address of one trace.
const traceRoute = "{id}"

// routeOf splits the id off an address of one trace.
func routeOf(rel string) (name string, id trace.TraceID) {
	dir, last, ok := cutLast(rel)
	if !ok || (dir != "traces" && dir != "api/traces") {
		return rel, id
	}
	id, err := trace.TraceIDFromHex(strings.ToLower(last))
	if err != nil {
		return rel, id
	}
	return dir + "/" + traceRoute, id
}

// meansTrace tells whether an address that is none would be one of a trace if
// only its id were one.
func meansTrace(path string) bool {
	dir, last, _ := cutLast(path)
	return last != "" && strings.HasSuffix(dir, "/traces")
}

// refuseTrace answers in the form that was asked for.
func refuseTrace(w http.ResponseWriter, r *http.Request) {
	const fault = "A trace id has 32 hexadecimal digits, which are not all zero."
	dir, _, _ := cutLast(r.URL.Path)
	if strings.HasSuffix(dir, "/api/traces") {
		writeJSON(w, http.StatusBadRequest, map[string][]string{"errors": {fault}})
		return
	}
	http.Error(w, fault, http.StatusNotFound)
}

func cutLast(path string) (dir, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

func (h *handler) known(rel string) bool {
	name, id := routeOf(rel)
	if strings.HasSuffix(name, traceRoute) && !id.IsValid() {
		return false
	}
	return rel == h.cssName || rel == loginRoute || h.pages[name].build != nil || h.api[name].answer != nil
}

func (h *handler) serveStyle(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(h.css)
}

func (h *handler) servePage(w http.ResponseWriter, r *http.Request, rel, name string, a ask) {
	p := h.pages[name]
	v := h.c.frame(r, p, rel)
	v.Style = v.Base + h.cssName
	status := p.build(h.c, &v, a)
	var b bytes.Buffer
	if err := h.html[p.file].ExecuteTemplate(&b, "layout", v); err != nil {
		http.Error(w, "render: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(cmp.Or(status, http.StatusOK))
	_, _ = w.Write(b.Bytes())
}
