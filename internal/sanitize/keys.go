package sanitize

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// term is a part of a key that names a secret, in small letters and without
// separators.
type term struct {
	text       string
	start, end bool // only where a word starts or ends
	weak       bool // in a sentence, "session: expired" says something else
	line       bool // the rest of the line is its value
	own        bool // of Options.Keys, which nothing excuses
}

// terms are grouped by their first byte.
type terms [256][]*term

func newTerms(further []string) *terms {
	all := []*term{
		{text: "password"},
		{text: "passwd"},
		{text: "passphrase"},
		{text: "passcode"},
		{text: "pwd"},
		{text: "secret"},
		{text: "credential"},
		{text: "apikey"},
		{text: "accesskey"},
		{text: "accountkey"},
		{text: "privatekey"},
		{text: "signingkey"},
		{text: "encryptionkey"},
		{text: "sharedkey"},
		{text: "masterkey"},
		{text: "sshkey"},
		{text: "authkey"},
		{text: "authorization"},
		{text: "bearer", weak: true},
		{text: "jwt", weak: true},
		{text: "csrf", weak: true},
		{text: "xsrf", weak: true},
		{text: "cookie", weak: true, line: true},
		{text: "connectionstring"},
		{text: "connstr"},
		{text: "sessionid"},
		{text: "token", end: true, weak: true},
		{text: "auth", start: true, end: true, weak: true},
		{text: "oauth", start: true, end: true, weak: true},
		{text: "session", start: true, end: true, weak: true},
		{text: "sid", start: true, end: true, weak: true},
		{text: "sso", start: true, end: true, weak: true},
		{text: "saml", start: true, end: true, weak: true},
		{text: "dsn", start: true, end: true, weak: true},
	}
	for _, key := range further {
		if text := strings.ReplaceAll(string(fold(nil, key)), "_", ""); text != "" {
			all = append(all, &term{text: text, own: true})
		}
	}
	grouped := new(terms)
	for _, t := range all {
		grouped[t.text[0]] = append(grouped[t.text[0]], t)
	}
	return grouped
}

// judge returns the term that makes a key the name of a secret, nil if none
// does. The words around it count: token.count and author are no secrets.
func (all *terms) judge(key string) *term {
	var space [128]byte
	folded := fold(space[:0], key)
	var found *term
	for i := range len(folded) {
		for _, t := range all[folded[i]] {
			switch {
			case !t.matches(folded, i):
			case t.own:
				return t
			case found == nil:
				found = t
			}
		}
	}
	if found == nil || describes(string(folded[bytes.LastIndexByte(folded, '_')+1:])) {
		return nil
	}
	return found
}

// matches reports whether the term stands at i, with separators in it or not.
func (t *term) matches(folded []byte, i int) bool {
	if t.start && i > 0 && folded[i-1] != '_' {
		return false
	}
	n := 0
	for n < len(t.text) && i < len(folded) {
		switch {
		case folded[i] == t.text[n]:
			n++
		case folded[i] != '_':
			return false
		}
		i++
	}
	return n == len(t.text) && (!t.end || i == len(folded) || folded[i] == '_')
}

// fold writes a key in small letters with one underscore between its words,
// also where capitals begin one.
func fold(space []byte, key string) []byte {
	var last byte
	for i := range len(key) {
		c := key[i]
		switch {
		case isUpper(c):
			if isLower(last) || isUpper(last) && i+1 < len(key) && isLower(key[i+1]) {
				space = append(space, '_')
			}
			space = append(space, c|0x20)
		case isLower(c) || isDigit(c) || c >= utf8.RuneSelf:
			space = append(space, c)
		case len(space) > 0 && space[len(space)-1] != '_':
			space = append(space, '_')
		}
		last = c
	}
	return bytes.TrimSuffix(space, []byte{'_'})
}

// describes knows the last words of keys that tell something of a secret and
// not the secret: auth.method, token.type, password.length.
func describes(word string) bool {
	return slices.Contains([]string{
		"age", "alg", "algorithm", "allowed", "arn", "attempt", "attempts", "cache", "count", "domain", "duration", "enabled", "error", "errors",
		"expired", "expires", "expiry", "failed", "failure", "failures", "flow", "format", "invalid", "issuer", "kind", "latency", "length",
		"limit", "max", "method", "min", "mode", "name", "outcome", "path", "policy", "present", "provider", "realm", "reason", "remaining",
		"required", "result", "role", "scheme", "scope", "scopes", "size", "source", "state", "status", "success", "total", "ttl", "type",
		"usage", "used", "user", "valid", "version",
	}, word)
}

// isConvention knows the keys of OpenTelemetry that read like a secret and are
// none: ids that telemetry makes up to tell sessions apart. Only the exact
// spelling counts, since session_id is what a cookie is called.
func isConvention(key attribute.Key) bool {
	switch key {
	case "session.id", "session.previous_id", "mcp.session.id":
		return true
	}
	return false
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlnum(c byte) bool { return isLower(c|0x20) || isDigit(c) }
