package exporters

import (
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// target is an endpoint that was found to be right.
type target struct {
	url *url.URL
	tls *tls.Config // nil for plain text
}

// Validate reports every fault of the endpoint, joined by [errors.Join], each a
// [*FieldError] with what to change. It reads the certificate and token files
// but opens no connection. Credentials, path and query of the URL and values of
// headers are never part of a fault.
func (e Endpoint) Validate() error {
	_, err := e.target()
	return err
}

func (e Endpoint) target() (target, error) {
	faults := e.checkWords()
	u, err := e.parseURL()
	if err != nil {
		host := hostOf(e.URL)
		_, port, _ := net.SplitHostPort(host)
		return target{}, errors.Join(append(faults, err, e.checkPort(host, port))...)
	}
	faults = append(faults, e.checkURL(u)...)
	t := target{url: u}
	if u.Scheme == "https" {
		var errs []error
		t.tls, errs = e.tlsConfig()
		faults = append(faults, errs...)
	} else if e.CertificateFile != "" || e.ClientCertificateFile != "" || e.ClientKeyFile != "" {
		faults = append(faults, fault("URL", "URL %s means plain text, but certificate files are given; write https:// or leave the files out", site(u)))
	}
	return t, errors.Join(faults...)
}

// checkWords checks all that does not hang on the URL.
func (e Endpoint) checkWords() (faults []error) {
	switch e.Protocol {
	case "", ProtocolHTTP, ProtocolGRPC:
	default:
		faults = append(faults, fault("Protocol", "protocol %.100q is unknown; write %s or %s", e.Protocol, ProtocolHTTP, ProtocolGRPC))
	}
	switch e.Compression {
	case "", CompressionNone, CompressionGzip:
	default:
		faults = append(faults, fault("Compression", "compression %.100q is unknown; write %s or %s", e.Compression, CompressionGzip, CompressionNone))
	}
	if e.Timeout < 0 {
		faults = append(faults, fault("Timeout", "timeout %s is negative; leave it 0 for %s", e.Timeout, defaultTimeout))
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		if err := e.checkHeader(name, e.Headers[name]); err != nil {
			faults = append(faults, err)
		}
	}
	if err := e.checkToken(); err != nil {
		faults = append(faults, err)
	}
	return faults
}

func (e Endpoint) checkToken() error {
	if e.TokenFile == "" {
		return nil
	}
	for name := range e.Headers {
		if strings.EqualFold(name, "Authorization") {
			return fault("TokenFile", "TokenFile and header %s both give credentials; leave one out", name)
		}
	}
	if _, err := newToken(e.TokenFile).refresh(); err != nil {
		return &FieldError{Field: "TokenFile", Err: err}
	}
	return nil
}

func (e Endpoint) checkHeader(name, value string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fault("Headers", "header name %.100q is not valid; write letters, digits and hyphens", name)
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return fault("Headers", "value of header %s has a control character; remove it", name)
	}
	if e.Protocol != ProtocolGRPC {
		return nil
	}
	if strings.HasPrefix(strings.ToLower(name), "grpc-") {
		return fault("Headers", "header %s is reserved by gRPC; choose another name", name)
	}
	if strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return fault("Headers", "header name %.100q is not valid for gRPC; write letters, digits, hyphens, dots and underscores", name)
	}
	if !strings.HasSuffix(name, "-bin") && strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fault("Headers", "value of header %s is not printable ASCII, which gRPC asks for; encode it", name)
	}
	return nil
}

// parseURL reads the URL, which must be complete but for the two exceptions
// that the field's comment names.
func (e Endpoint) parseURL() (*url.URL, error) {
	raw := e.URL
	if raw == "" {
		raw = "http://localhost:4318"
		if e.Protocol == ProtocolGRPC {
			raw = "http://localhost:4317"
		}
	}
	if !strings.Contains(raw, "://") {
		if !e.Insecure || e.Protocol != ProtocolGRPC {
			return nil, noScheme(raw)
		}
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fault("URL", "URL cannot be read: %w; write it as http://localhost:4318", reason(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault("URL", "URL scheme %.100q is unknown; write http:// or https://", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, fault("URL", "URL %s:// names no host; write it as %s://localhost:4318", u.Scheme, u.Scheme)
	}
	return u, nil
}

// reason leaves the URL itself out of a parser's error, and what the parser
// quotes from it, which may be a password.
func reason(err error) error {
	if _, ok := errors.AsType[url.InvalidHostError](err); ok {
		return errors.New("invalid character in the host name")
	}
	if parse, ok := errors.AsType[*url.Error](err); ok && strings.HasPrefix(parse.Err.Error(), "invalid port") {
		return errors.New("invalid port")
	}
	return errors.New("not a URL")
}

func noScheme(raw string) error {
	host := hostOf(raw)
	if isLoopback(host) {
		return fault("URL", "URL %.100q has no scheme; write http://%.100s", host, host)
	}
	return fault("URL", "URL %.100q has no scheme; write https://%.100s or, for plain text, http://%.100s", host, host, host)
}

// hostOf cuts credentials, path and query off text that may be no URL. Where a
// slash comes before an @, nobody knows which is the host and which a secret.
func hostOf(raw string) string {
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	at := strings.LastIndexByte(raw, '@')
	if strings.Contains(raw[:at+1], "/") {
		return redacted
	}
	raw = raw[at+1:]
	host, _, _ := strings.Cut(raw, "/")
	return escapeControl(host)
}

func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// site is what a fault may show of a URL.
func site(u *url.URL) string { return u.Scheme + "://" + u.Host }

// checkURL looks for what is well-formed and cannot work.
func (e Endpoint) checkURL(u *url.URL) (faults []error) {
	add := func(field, format string, args ...any) {
		faults = append(faults, fault(field, "URL %s "+format, append([]any{site(u)}, args...)...))
	}
	if u.User != nil {
		add("URL", "holds credentials; send them in Headers, for example Authorization")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		add("URL", "has a query or fragment, which OTLP does not send; put it into Headers")
	}
	if u.Scheme == "https" && e.Insecure {
		add("Insecure", "means TLS, but Insecure is set; leave Insecure out or write http://")
	}
	grpc := e.Protocol == ProtocolGRPC
	if u.Port() == "" && grpc && u.Scheme == "http" {
		add("URL", "has no port; write %s:4317", site(u))
	}
	if err := e.checkPort(site(u), u.Port()); err != nil {
		faults = append(faults, err)
	}
	if grpc || e.Exact {
		return faults
	}
	for _, path := range []string{"/v1/traces", "/v1/metrics", "/v1/logs"} {
		if strings.HasSuffix(strings.TrimRight(u.Path, "/"), path) {
			add("URL", "ends in %s, which is appended anyway; leave it out or set Exact", path)
		}
	}
	return faults
}

// checkPort finds the mix-up of the two ports of OTLP.
func (e Endpoint) checkPort(where, port string) error {
	grpc := e.Protocol == ProtocolGRPC
	switch {
	case port == "4317" && !grpc:
		return fault("URL", "URL %s has the port of OTLP over gRPC, but the protocol is %s; write port 4318 or set the protocol to %s", where, ProtocolHTTP, ProtocolGRPC)
	case port == "4318" && grpc:
		return fault("URL", "URL %s has the port of OTLP over HTTP, but the protocol is %s; write port 4317 or set the protocol to %s", where, ProtocolGRPC, ProtocolHTTP)
	}
	return nil
}
