package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var style string

// site answers searches, as pages and as JSON.
type site struct {
	store  *store
	find   finder
	root   string
	state  *indexState
	meters meters
	logger *slog.Logger
	page   *template.Template
}

func newSite(a *app) *site {
	page := template.Must(template.New("page").Parse(pageSource))
	return &site{store: a.store, find: a.find, root: a.root, state: &a.state, meters: newMeters(), logger: a.logger, page: page}
}

func (s *site) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /search", s.search)
	mux.HandleFunc("GET /source/{path...}", s.source)
	mux.HandleFunc("GET /page.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(style))
	})
}

// answer is what a search says, in JSON as on the page.
type answer struct {
	Query   string   `json:"query"`
	Error   string   `json:"error,omitempty"`
	Total   int      `json:"total"` // files found, of which Results are the best
	Results []result `json:"results"`
	Seconds float64  `json:"seconds"`
}

// view is what page.html shows.
type view struct {
	answer

	Root   string
	Index  string // what the indexer is doing, if that matters
	Path   string // of Source
	Source []sourceLine
}

type sourceLine struct {
	Number int
	Text   string
}

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, view{})
}

func (s *site) search(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), searchTimeout)
	defer cancel()
	input := r.FormValue("q")
	a, status, o, err := s.answer(ctx, input)
	a.Query = strings.ToValidUTF8(input, "�")
	s.meters.searches[o].Add(ctx, 1)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.logger.ErrorContext(ctx, "search: "+err.Error(), "query", a.Query)
	}
	if wantsJSON(r) {
		w.Header().Set("Content-Type", "application/json")
		harden(w.Header())
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(a) // an error means that the client has left
		return
	}
	s.show(w, r, status, view{answer: a})
}

// answer searches and says how that went, in all the words there are for it.
// The error is one that an operator should know of.
func (s *site) answer(ctx context.Context, input string) (a answer, status int, o outcome, err error) {
	a.Results = []result{}
	q, fault := parseQuery(input)
	if fault != "" {
		a.Error = fault
		return a, http.StatusBadRequest, invalid, nil
	}
	start := time.Now()
	results, total, err := s.find(ctx, q)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		a.Error = "This took too long. Search for something rarer."
		return a, http.StatusServiceUnavailable, failed, ctx.Err()
	case ctx.Err() != nil: // nobody is waiting any more
		return a, http.StatusServiceUnavailable, failed, ctx.Err()
	case err != nil:
		a.Error = "The index cannot be searched."
		return a, http.StatusInternalServerError, failed, err
	}
	s.meters.duration.Since(ctx, start)
	s.meters.results.Add(ctx, int64(total))
	a.Seconds = time.Since(start).Seconds()
	a.Total = total
	if total == 0 {
		return a, http.StatusOK, nothing, nil
	}
	a.Results = results
	return a, http.StatusOK, found, nil
}

// source shows an indexed file. It comes from the index, so that no path leads
// anywhere else.
func (s *site) source(w http.ResponseWriter, r *http.Request) {
	v := view{Path: r.PathValue("path")}
	body, ok, err := s.store.text(r.Context(), v.Path)
	switch {
	case err != nil && r.Context().Err() == nil:
		s.logger.ErrorContext(r.Context(), "source: "+err.Error())
		v.Error = "The index cannot be read."
		s.show(w, r, http.StatusInternalServerError, v)
		return
	case !ok:
		v.Error = "No such file is indexed."
		s.show(w, r, http.StatusNotFound, v)
		return
	}
	for text := range strings.Lines(body) {
		v.Source = append(v.Source, sourceLine{len(v.Source) + 1, strings.TrimRight(text, "\r\n")})
	}
	s.show(w, r, http.StatusOK, v)
}

func (s *site) show(w http.ResponseWriter, r *http.Request, status int, v view) {
	v.Root, v.Index = s.root, s.state.String()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	harden(w.Header())
	w.WriteHeader(status)
	if err := s.page.Execute(w, v); err != nil && r.Context().Err() == nil {
		s.logger.ErrorContext(r.Context(), "page: "+err.Error())
	}
}

func harden(h http.Header) {
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
}

// wantsJSON tells programs from browsers, which all accept text/html.
func wantsJSON(r *http.Request) bool {
	if format := r.FormValue("format"); format != "" {
		return format == "json"
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}
