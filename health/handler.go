package health

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// A HandlerOption changes what [Registry.Handler] shows.
type HandlerOption interface{ apply(*handler) }

type handlerOption func(*handler)

func (o handlerOption) apply(h *handler) { o(h) }

// ShowDetails lets answers to the requests that allow accepts include messages,
// details, times and trace ids. Without it they are withheld from everybody, for
// errors quote host names and worse. allow may be called concurrently.
//
// In text, whole numbers whose key ends in "bytes" (and those of [DiskSpace] and
// [Memory]) have a unit, as in 71.0GiB, and fractions whose key ends in "ratio"
// have three digits. JSON has the numbers as they were given.
func ShowDetails(allow func(*http.Request) bool) HandlerOption {
	return handlerOption(func(h *handler) { h.allow = allow })
}

// Handler answers GET and HEAD for /livez, /readyz and /startupz, as Kubernetes
// does for itself: 200 if the probe's verdict is healthy or degraded, else 503.
// It reads the last results: a request neither runs a check nor waits for one.
//
// The body is "ok" or "degraded", or with ?verbose and on failure one line a
// check. ?exclude=name leaves a check out, and may be repeated; an unknown name
// only gets a warning. Accept: application/json asks for JSON. The name, the
// state and the [Reason] of a check are shown, the rest only as [ShowDetails]
// allows.
func (r *Registry) Handler(options ...HandlerOption) http.Handler {
	h := &handler{registry: r, allow: func(*http.Request) bool { return false }}
	for _, o := range options {
		if o != nil {
			o.apply(h)
		}
	}
	return h
}

type handler struct {
	registry *Registry
	allow    func(*http.Request) bool
}

func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name, probe := probeOf(req.URL.Path)
	if probe == 0 {
		http.NotFound(w, req)
		return
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	query := req.URL.Query()
	a := h.answer(name, probe, query)
	a.verbose = query.Has("verbose") || a.failed()
	a.detailed = a.verbose && h.allow != nil && h.allow(req)
	a.write(w, req)
}

func probeOf(path string) (string, Probe) {
	switch path {
	case "/livez":
		return "livez", Liveness
	case "/readyz":
		return "readyz", Readiness
	case "/startupz":
		return "startupz", Startup
	}
	return "", 0
}

// An answer is what one request is told, before it has a format.
type answer struct {
	probe    string
	verdict  State
	results  []*Result
	excluded map[string]bool
	unknown  []string // excluded names that no check has
	verbose  bool
	detailed bool
}

func (h *handler) answer(name string, p Probe, query url.Values) answer {
	a := answer{probe: name, verdict: StateHealthy}
	wanted := query["exclude"]
	_, results := h.registry.readings(time.Now())
	a.results = make([]*Result, 0, len(results))
	for _, result := range results {
		if result.Probes&p == 0 {
			continue
		}
		a.results = append(a.results, result)
		if slices.Contains(wanted, result.Name) {
			a.exclude(result.Name)
			continue
		}
		a.verdict = worst(a.verdict, result.weight(p))
	}
	for _, name := range wanted {
		if name != "" && !a.excluded[name] {
			a.unknown = append(a.unknown, name)
		}
	}
	return a
}

func (a *answer) exclude(name string) {
	if a.excluded == nil {
		a.excluded = make(map[string]bool)
	}
	a.excluded[name] = true
}

func (a *answer) failed() bool {
	return a.verdict == StateUnhealthy || a.verdict == StateUnknown
}

func (a *answer) code() int {
	if a.failed() {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

func (a *answer) write(w http.ResponseWriter, req *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Vary", "Accept")
	header.Set("X-Content-Type-Options", "nosniff")
	format, contentType := a.text, "text/plain; charset=utf-8"
	if prefersJSON(req.Header.Values("Accept")) {
		format, contentType = a.json, "application/json"
	}
	header.Set("Content-Type", contentType)
	w.WriteHeader(a.code())
	if req.Method != http.MethodHead {
		_, _ = w.Write(format()) // a client that has gone is no concern of ours
	}
}
