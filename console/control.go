package console

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// control is the page of what can be done.
type control struct {
	CanAct, HasTokens, IsSession bool
	Level                        LogLevel
	Levels                       []string
	Profiles                     []string
	Goroutines                   Goroutines
}

// pageGroups bounds the goroutine stacks on the page; the JSON has more.
const pageGroups = 50

func buildControl(c *Console, v *view, a ask) int {
	v.Main = control{
		CanAct: a.scope == ScopeAct, HasTokens: c.access.hasTokens(), IsSession: a.isSession,
		Level: c.LogLevel(), Levels: []string{"DEBUG", "INFO", "WARN", "ERROR"},
		Profiles: ProfileKinds(), Goroutines: c.Goroutines(pageGroups),
	}
	v.Final = true // listing goroutines stops them, which a look does and a stream must not
	return 0
}

// posts are the addresses that do something.
func posts() map[string]func(*Console, http.ResponseWriter, *http.Request, Scope) {
	return map[string]func(*Console, http.ResponseWriter, *http.Request, Scope){
		"logout":          logOut,
		"control/level":   act(postLevel),
		"control/profile": act(postProfile),
	}
}

// act refuses who may only read.
func act(do func(*Console, http.ResponseWriter, *http.Request)) func(*Console, http.ResponseWriter, *http.Request, Scope) {
	return func(c *Console, w http.ResponseWriter, r *http.Request, scope Scope) {
		if scope != ScopeAct {
			http.Error(w, "This needs the scope act: present Options.ActToken as Authorization: Bearer, or log in with it.", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		do(c, w, r)
	}
}

func postLevel(c *Console, w http.ResponseWriter, r *http.Request) {
	var level slog.Level
	err := level.UnmarshalText([]byte(r.PostFormValue("level")))
	if err != nil {
		err = fmt.Errorf("level=%.20q: want DEBUG, INFO, WARN or ERROR", r.PostFormValue("level"))
	}
	during, bad := durationOf(r, "for")
	var now LogLevel
	if err = errors.Join(err, bad); err == nil {
		now, err = c.SetLogLevel(r.Context(), whoAsks(r), level, during)
	}
	switch {
	case err != nil:
		refuseForm(w, err)
	case isPageForm(r):
		http.Redirect(w, r, relativeTo(r, "control/level", "control"), http.StatusSeeOther)
	default:
		writeJSON(w, http.StatusOK, now)
	}
}

func postProfile(c *Console, w http.ResponseWriter, r *http.Request) {
	kind := r.PostFormValue("kind")
	during, err := durationOf(r, "for")
	begun := time.Now()
	var b []byte
	var cut time.Duration
	if err == nil {
		// The server's write timeout is made for pages.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longestProfileTime + time.Minute))
		b, cut, err = c.holdProfile(r.Context(), whoAsks(r), kind, during, maxProfile)
	}
	switch {
	case errors.Is(err, errProfiling):
		http.Error(w, err.Error(), http.StatusConflict)
		return
	case err != nil:
		refuseForm(w, err)
		return
	}
	name := kind + "-" + begun.UTC().Format("20060102T150405Z")
	if cut > 0 {
		name += "-cut-after-" + cut.Round(100*time.Millisecond).String()
	}
	ending := ".pprof"
	if kind == ProfileTrace {
		ending = ".out"
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+ending+`"`)
	_, _ = w.Write(b)
}

func refuseForm(w http.ResponseWriter, err error) {
	writeJSON(w, http.StatusBadRequest, map[string][]string{"errors": strings.Split(err.Error(), "\n")})
}

func durationOf(r *http.Request, name string) (time.Duration, error) {
	v := cmp.Or(r.PostFormValue(name), "0s")
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("%s=%.20q: want a duration such as 30s", name, v)
	}
	return d, nil
}

func isPageForm(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// whoAsks names the asker for the audit, by what cannot be made up.
func whoAsks(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = "a local socket"
	}
	if bearer(r) != "" {
		return "a token from " + host
	}
	return "a session from " + host
}
