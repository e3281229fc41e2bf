package health

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A HandlerOption changes what [Registry.Handler] shows.
type HandlerOption interface{ apply(*handler) }

type handlerOption func(*handler)

func (o handlerOption) apply(h *handler) { o(h) }

// ShowDetails lets answers to the requests that allow accepts include messages,
// details, runbooks and stacks, in JSON times and trace ids as well. Without it
// they are withheld from everybody, for errors quote host names and worse. allow
// may be called concurrently.
//
// In text, whole numbers whose key ends in "bytes" (and those of
// checkers.DiskSpace and checkers.Memory) have a unit, as in 71.0GiB, and
// fractions whose key ends in "ratio" have three digits. JSON has the numbers as
// they were given.
func ShowDetails(allow func(*http.Request) bool) HandlerOption {
	return handlerOption(func(h *handler) { h.allow = allow })
}

// Handler answers GET and HEAD for /livez, /readyz and /startupz, as Kubernetes
// does for itself: 200 if the probe's verdict is healthy or degraded, else 503.
// It reads the last results: a request neither runs a check nor waits for one.
//
// The body is "ok" or "degraded", or with ?verbose and on failure one line a
// check; a failure of more than 32 checks names those that aren't healthy, up to
// as many. ?exclude=name leaves a check out, and may be repeated; an unknown name
// only gets a warning. /readyz/name asks one check. Accept: application/json asks
// for JSON, application/health+json for the format of draft-inadarei-api-health-check-06.
//
// The name and the state of a check, its [Reason], whether it is flapping or in
// maintenance and whose failure explains its own are shown, the rest only as
// [ShowDetails] allows.
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
	name, check, single := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	probe := probeOf(name)
	if probe == 0 || single && check == "" {
		http.NotFound(w, req)
		return
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	query := req.URL.Query()
	now := time.Now()
	a := answer{probe: probe, summary: h.registry.summary(now), verbose: query.Has("verbose"), only: check}
	a.verdict = a.summary.probes[probeIndex(probe)]
	a.detailed = (a.verbose || a.failed()) && h.allowed(req)
	if excluded := query["exclude"]; single || a.verbose || len(excluded) > 0 || a.detailed {
		if !a.read(h.registry, now, excluded) {
			http.Error(w, "no such check", http.StatusNotFound)
			return
		}
	}
	if !a.verbose && a.failed() && a.results != nil {
		a.abridge()
	}
	a.verbose = a.verbose || a.failed()
	a.write(w, req)
}

func (h *handler) allowed(req *http.Request) bool { return h.allow != nil && h.allow(req) }

func probeOf(name string) Probe {
	switch name {
	case "livez":
		return Liveness
	case "readyz":
		return Readiness
	case "startupz":
		return Startup
	}
	return 0
}

func (p Probe) endpoint() string { return [...]string{"livez", "readyz", "startupz"}[probeIndex(p)] }

// An answer is what one request is told, before it has a format.
type answer struct {
	probe    Probe
	summary  *summary
	verdict  State
	results  []*Result
	only     string // the one check that is asked; empty: all of the probe
	excluded map[string]bool
	unknown  []string // excluded names that no check has
	omitted  int      // checks that a failure does not list unless it is asked to
	verbose  bool
	detailed bool
}

// read fetches the results that the verdict comes from. Without it the answer
// is that of the summary. It reports false if the only check is none of the
// probe's.
func (a *answer) read(r *Registry, now time.Time, excluded []string) bool {
	_, results := r.readings(now)
	a.results = make([]*Result, 0, len(results))
	a.verdict = StateHealthy
	if a.draining() {
		a.verdict = StateUnhealthy
	}
	for _, result := range results {
		if result.Probes&a.probe == 0 || a.only != "" && result.Name != a.only {
			continue
		}
		a.results = append(a.results, result)
		if slices.Contains(excluded, result.Name) {
			a.exclude(result.Name)
			continue
		}
		a.verdict = worst(a.verdict, result.weight(a.probe))
	}
	for _, name := range excluded {
		if name != "" && !a.excluded[name] {
			a.unknown = append(a.unknown, name)
		}
	}
	return a.only == "" || len(a.results) == 1
}

// mostUnasked is how many checks a failure lists that nobody has asked for: it
// is told to every prober, every few seconds, and may be about thousands.
const mostUnasked = 32

func (a *answer) abridge() {
	all := len(a.results)
	if all <= mostUnasked {
		return
	}
	worse := make([]*Result, 0, mostUnasked)
	for _, r := range a.results {
		if r.State != StateHealthy && len(worse) < mostUnasked {
			worse = append(worse, r)
		}
	}
	a.results, a.omitted = worse, all-len(worse)
}

// draining reports whether the probe fails whatever the checks say.
func (a *answer) draining() bool {
	return a.summary.draining && a.probe == Readiness && a.only == ""
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
	contentType := negotiate(req.Header.Values("Accept"))
	header.Set("Content-Type", contentType)
	w.WriteHeader(a.code())
	if req.Method != http.MethodHead {
		_, _ = w.Write(a.body(contentType)) // a client that has gone is no concern of ours
	}
}

func (a *answer) body(contentType string) []byte {
	if a.verbose && a.results == nil { // a failure in few words, which everybody gets alike
		if contentType == typeText {
			return a.summary.failures[probeIndex(a.probe)]()
		}
		a.results = a.summary.of(a.probe)
		a.abridge()
	}
	switch contentType {
	case typeJSON:
		return a.json()
	case typeHealthJSON:
		return a.healthJSON()
	default:
		return a.text()
	}
}
