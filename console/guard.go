package console

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
)

// refusal returns why a request is not answered, empty when it is. A page on
// the web can make a browser on this machine ask us, by a name that it points
// to 127.0.0.1 if need be; so where a request comes from is not enough.
func (c *Console) refusal(r *http.Request) string {
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "cross-site",
		site == "same-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
		return "This request was started by another site, which may not look at telemetry.\n" +
			"Type or paste the address into the browser instead of following a link.\n"
	}
	isLocal, isNamed := isLoopback(r), isLocalName(r.Host)
	if isLocal && isNamed || c.allowRemote != nil && c.allowRemote(r) {
		return ""
	}
	if !isLocal {
		return "The console answers only to the machine on which the program runs.\n" +
			"Open it there, tunnel to it (ssh -L 8080:localhost:8080 host), or mount it behind your own\n" +
			"authentication and let console.Options.AllowRemote say who may see it.\n"
	}
	return "The console answers only under the names localhost, 127.0.0.1 and [::1].\n" +
		"Use one of these in the address, or let console.Options.AllowRemote accept others.\n"
}

// forwarded are headers by which a proxy tells that somebody else is asking.
func forwarded() []string {
	return []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"}
}

func isLoopback(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	return !slices.ContainsFunc(forwarded(), func(name string) bool { return r.Header.Get(name) != "" })
}

func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1", "[::1]"}, host)
}

// harden sets the headers of every answer, refusals included.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; "+
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
