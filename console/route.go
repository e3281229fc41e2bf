package console

import (
	"net/http"
	"strings"
)

// locate returns which of the console's addresses is asked for, relative to
// where it is mounted. The prefix is not configured: behind http.StripPrefix
// it is gone, under a pattern of http.ServeMux the pattern tells it, and with
// any other router the known address that ends the path is meant.
func locate(r *http.Request, known func(rel string) bool) (rel string, ok bool) {
	path := r.URL.Path
	if rel, ok := belowPattern(r.Pattern, path); ok && known(rel) {
		return rel, true
	}
	path = strings.TrimPrefix(path, "/")
	for {
		if known(path) {
			return path, true
		}
		if _, path, ok = strings.Cut(path, "/"); !ok {
			return "", false
		}
	}
}

// belowPattern returns the part of path that a pattern ending in a slash, or
// in a wildcard for the rest, leaves open.
func belowPattern(pattern, path string) (string, bool) {
	_, pattern, ok := strings.Cut(pattern, "/") // off with method and host
	if !ok {
		return "", false
	}
	segments := strings.Count(pattern, "/")
	path = strings.TrimPrefix(path, "/")
	for want := range strings.SplitSeq(pattern, "/") {
		if segments == 0 {
			break
		}
		segments--
		got, rest, ok := strings.Cut(path, "/")
		if !ok || (got != want && !strings.HasPrefix(want, "{")) {
			return "", false
		}
		path = rest
	}
	return path, true
}

// baseOf returns the way from an address of the console up to its root.
func baseOf(rel string) string {
	if n := strings.Count(rel, "/"); n > 0 {
		return strings.Repeat("../", n)
	}
	return "./"
}

// lacksSlash tells whether the browser asked for the root without its slash,
// so that relative links would lead past the console.
func lacksSlash(r *http.Request, rel string) (redirect string, ok bool) {
	asked, query, _ := strings.Cut(r.RequestURI, "?")
	if rel != "" || asked == "" || strings.HasSuffix(asked, "/") {
		return "", false
	}
	redirect = "./" + asked[strings.LastIndexByte(asked, '/')+1:] + "/"
	if query != "" {
		redirect += "?" + query
	}
	return redirect, true
}
