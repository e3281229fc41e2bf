package settings

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	redacted = "[redacted]"
	maxShown = 100 // bytes of a value in a message
)

// show returns as much of a value as may be printed. What no case names stays
// hidden.
func (v variable) show(raw string, pairs map[string]string) string {
	switch v.kind {
	case text, boolean, integer, limit, duration, timeout, ratio, enum, list:
		return raw
	case address:
		return showAddress(raw)
	case headers:
		return showPairs(pairs, func(string) bool { return false })
	case attributes:
		return showPairs(pairs, isPublicAttribute)
	default:
		return redacted
	}
}

// showAddress works on text, because it must also hide what no URL parser
// accepts.
func showAddress(raw string) string {
	query := ""
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw, query = raw[:i], "?"+redacted
	}
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		scheme, rest = "", raw
	} else {
		scheme += "://"
	}
	user := ""
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		if strings.Contains(rest[:i], "/") { // a password or a path: nobody knows where the host is
			return scheme + redacted + query
		}
		user, rest = redacted+"@", rest[i+1:]
	}
	return scheme + user + showHostAndPath(rest) + query
}

// showHostAndPath shows of a path only the segments that are the same
// everywhere: the others may be an API key.
func showHostAndPath(rest string) string {
	host := rest
	if i := strings.IndexFunc(rest, endsHost); i >= 0 {
		host = rest[:i]
	}
	segments := strings.Split(rest[len(host):], "/")
	for i, segment := range segments {
		if !isUsualSegment(segment) {
			segments[i] = redacted
		}
	}
	return host + strings.Join(segments, "/")
}

func endsHost(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:[]", r)
}

func isUsualSegment(segment string) bool {
	return slices.Contains([]string{
		"", "api", "insert", "logs", "metrics", "opentelemetry", "otel", "otlp", "profiles", "push", "traces", "v1", "v1development", "v2",
	}, segment)
}

func showPairs(pairs map[string]string, public func(key string) bool) string {
	parts := make([]string, 0, len(pairs))
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		val := redacted
		if public(key) {
			val = pairs[key]
		}
		parts = append(parts, key+"="+val)
	}
	return strings.Join(parts, ",")
}

// ShowAttribute returns the value of a resource attribute as far as it may be
// printed.
func ShowAttribute(key, value string) string {
	if isPublicAttribute(key) {
		return value
	}
	return redacted
}

// isPublicAttribute knows the namespaces in which resources describe
// themselves.
func isPublicAttribute(key string) bool {
	namespace, _, _ := strings.Cut(key, ".")
	return slices.Contains([]string{
		"service", "deployment", "host", "os", "container", "k8s", "cloud", "faas", "process", "telemetry", "vcs",
	}, namespace)
}

// shorten caps a shown value by bytes, on a rune's edge.
func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "…"
}

// quote makes a shown value safe for a log line.
func quote(s string) string { return strconv.Quote(shorten(s)) }

// excerpt returns what a fault may print of a value that could not be read.
func (v variable) excerpt(raw string) string {
	switch v.kind {
	case headers, attributes:
		return redacted
	default:
		return quote(v.show(raw, nil))
	}
}
