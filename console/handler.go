package console

import (
	"cmp"
	"html/template"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// handler serves one console.
type handler struct {
	c       *Console
	pages   map[string]page
	api     map[string]endpoint
	html    map[string]drawing
	posts   map[string]func(*Console, http.ResponseWriter, *http.Request, Scope)
	login   *template.Template
	style   asset
	script  asset
	streams streams
}

// drawing is the templates of one file of ui, and the same for a stream, where
// the browser draws the charts and tells how long ago things were: nothing changes
// because time passes.
type drawing struct{ whole, streamed *template.Template }

// Handler returns the console's page and its JSON twin under api/. It works
// under any prefix, with http.StripPrefix or without:
//
//	mux.Handle("/debug/otelmon/", con.Handler())
//
// It answers only to this machine unless Options.ReadToken or Options.Authorize
// lets others in.
func (c *Console) Handler() http.Handler {
	h := &handler{
		c: c, pages: pages(), api: endpoints(), html: map[string]drawing{},
		posts: posts(), login: template.Must(template.ParseFS(ui, "ui/login.html")),
		style:  newAsset("text/css", "style.css", "vendor/uPlot.min.css"),
		script: newAsset("text/javascript", "dist/app.js"),
	}
	layout := template.Must(template.New("").Funcs(functions()).ParseFS(ui, "ui/layout.html", "ui/parts.html"))
	for _, p := range h.pages {
		if h.html[p.file].whole != nil {
			continue
		}
		whole := template.Must(template.Must(layout.Clone()).ParseFS(ui, "ui/"+p.file))
		streamed := template.Must(whole.Clone()).Funcs(template.FuncMap{
			"ago":         func(time.Time) string { return "" },
			"hasNoScript": func() bool { return false },
		})
		h.html[p.file] = drawing{whole, streamed}
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
	name, id := routeOf(rel)
	a := ask{values: r.URL.Query(), trace: id, scope: scope, isSession: isSession(r)}
	switch {
	case rel == h.style.name:
		h.style.ServeHTTP(w, r)
	case rel == h.script.name:
		h.script.ServeHTTP(w, r)
	case rel == streamRoute:
		h.serveStream(w, r, a)
	case h.api[name].answer != nil:
		h.serveAPI(w, r, h.api[name], id)
	case name == loginRoute:
		h.renderLogin(w, http.StatusOK)
	default:
		h.servePage(w, r, rel, name, a)
	}
}

// delegate answers what is no page: what others have mounted, and forms.
func (h *handler) delegate(w http.ResponseWriter, r *http.Request, scope Scope) bool {
	isMounted := func(rel string) bool { return h.c.mounts.at(rel) != nil && !h.known(rel) && h.posts[rel] == nil }
	if rel, ok := locate(r, isMounted); ok {
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

// streamRoute keeps a page current.
const streamRoute = "stream"

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
	return rel == h.style.name || rel == h.script.name || rel == streamRoute || rel == loginRoute || h.pages[name].build != nil || h.api[name].answer != nil
}

// view answers the question of a page.
func (h *handler) view(r *http.Request, rel, name string, a ask) view {
	p := h.pages[name]
	v := h.c.frame(r, p, rel)
	v.Style, v.Script, v.Build = v.Base+h.style.name, v.Base+h.script.name, h.build()
	v.status = p.build(h.c, &v, a)
	return v
}

// build names what the browser has loaded beside a page.
func (h *handler) build() string { return h.style.name + " " + h.script.name }

func (h *handler) servePage(w http.ResponseWriter, r *http.Request, rel, name string, a ask) {
	var b sheet
	var status int
	var err error
	if !h.c.turns.do(r.Context(), func() {
		v := h.view(r, rel, name, a)
		status, err = v.status, h.html[v.file].whole.ExecuteTemplate(&b, "layout", v)
	}) {
		return
	}
	if err != nil {
		http.Error(w, "render: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(cmp.Or(status, http.StatusOK))
	_, _ = w.Write(b.text)
}
