package console

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
)

// admit returns what a request may do, and when that is nothing, why. A page on
// the web can make a browser on this machine ask us, by a name that it points
// to 127.0.0.1 if need be; so where a request comes from is not enough.
func (c *Console) admit(r *http.Request) (Scope, string) {
	if isForeign(r) {
		return ScopeNone, "This request was started by another site, which may not look at telemetry.\n" +
			"Type or paste the address into the browser instead of following a link.\n"
	}
	if scope := c.access.scopeOf(r); scope != ScopeNone {
		return scope, ""
	}
	isLocal, isNamed, relay := isLoopback(r), isLocalName(r.Host), relayed(r)
	switch {
	case isLocal && isNamed && relay == "" && c.access.isOpen():
		return ScopeRead, ""
	case c.access.hasTokens():
		return ScopeNone, "The console asks for a token: present it as Authorization: Bearer, or log in with a browser.\n"
	case isLocal && relay != "":
		return ScopeNone, "The console answers only to the machine on which the program runs, and a proxy seems to have\n" +
			"passed on this request: it " + relay + ". Ask the program's own port directly. Do not publish\n" +
			"the console's path through a proxy; where that is wanted, set console.Options.ReadToken, or let\n" +
			"console.Options.Authorize say who may see it.\n"
	case !isLocal:
		return ScopeNone, "The console answers only to the machine on which the program runs.\n" +
			"Open it there, tunnel to it (ssh -L 8080:localhost:8080 host), set console.Options.ReadToken, or\n" +
			"let console.Options.Authorize say who may see it.\n"
	}
	return ScopeNone, "The console answers only under the names localhost, 127.0.0.1 and [::1].\n" +
		"Use one of these in the address, set console.Options.ReadToken, or let console.Options.Authorize\n" +
		"accept others.\n"
}

// isForeign tells whether another site made a browser send the request. A
// link that leads here may be followed from another port of this machine.
func isForeign(r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site":
		return true
	case "same-site":
		return !reads || r.Header.Get("Sec-Fetch-Mode") != "navigate"
	case "same-origin", "none":
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host != r.Host
}

// relayHeaders are those by which proxies tell that somebody else is asking.
func relayHeaders() []string {
	return []string{
		"CDN-Loop",
		"CF-Connecting-IP",
		"CF-Ray",
		"Client-IP",
		"Fastly-Client-IP",
		"Fly-Client-IP",
		"Forwarded",
		"Proxy-Connection",
		"True-Client-IP",
		"Via",
		"X-Amzn-Trace-Id",
		"X-Appengine-User-IP",
		"X-Arr-Log-Id",
		"X-Azure-ClientIP",
		"X-Client-IP",
		"X-Cloud-Trace-Context",
		"X-Cluster-Client-IP",
		"X-Envoy-External-Address",
		"X-Envoy-Original-Path",
		"X-Forwarded",
		"X-Forwarded-By",
		"X-Forwarded-Client-Cert",
		"X-Forwarded-For",
		"X-Forwarded-Host",
		"X-Forwarded-Port",
		"X-Forwarded-Prefix",
		"X-Forwarded-Proto",
		"X-Forwarded-Scheme",
		"X-Forwarded-Server",
		"X-Forwarded-Ssl",
		"X-Original-Forwarded-For",
		"X-Original-Host",
		"X-Original-URI",
		"X-Original-URL",
		"X-ProxyUser-Ip",
		"X-Real-IP",
		"X-Rewrite-URL",
		"X-Scheme",
		"X-Vercel-Forwarded-For",
	}
}

// relayed returns by what a request betrays that a proxy sent it, empty when it
// does not. nginx, unless told otherwise, adds no header and names the address that
// it asks as host; before 1.29.7 it speaks HTTP/1.0, which browsers and curl no
// longer do, and from then on nothing betrays it.
func relayed(r *http.Request) string {
	for _, name := range relayHeaders() {
		if len(r.Header.Values(name)) > 0 {
			return "bears the header " + name
		}
	}
	if !r.ProtoAtLeast(1, 1) {
		return "speaks HTTP/1.0, as an older nginx does to what is behind it"
	}
	return ""
}

func isLoopback(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1", "[::1]"}, host)
}

// harden sets the headers of every answer, refusals included.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; "+
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types otelmon")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
