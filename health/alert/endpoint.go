package alert

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	maxAnswer     = 4 << 10 // bytes read of an answer
	maxQuote      = 200     // bytes of it that an error quotes
	maxHeader     = 64 << 10
	maxRetryAfter = time.Hour
)

// An endpoint is where notifications are posted. Its URL holds secrets, which
// nothing but the request may see.
type endpoint struct {
	url     string
	host    string
	secrets []string
	client  *http.Client
}

// newEndpoint parses a URL and adds the path. Its errors say nothing of it.
func newEndpoint(raw string, path ...string) (*endpoint, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the URL can't be parsed")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("the URL needs http:// or https:// and a host")
	}
	if err := literalAddress(u.Hostname()); err != nil {
		return nil, err
	}
	return &endpoint{
		url: u.JoinPath(path...).String(), host: u.Host, secrets: secretsOf(u),
		client: &http.Client{
			Transport: transport(),
			// Whoever answers could otherwise send us anywhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// transport keeps no connections: a minute between two requests is longer than
// most servers would, and so nothing has to be closed.
func transport() *http.Transport {
	dialer := net.Dialer{ControlContext: guard}
	return &http.Transport{
		Proxy: func(req *http.Request) (*url.URL, error) {
			proxy, err := http.ProxyFromEnvironment(req)
			if err != nil { // it quotes the URL, with its password
				return nil, errors.New("the proxy given in the environment can't be parsed")
			}
			return proxy, nil
		},
		DialContext:            dialer.DialContext,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// post sends the payload as JSON. Every error is a *failure.
func (e *endpoint) post(ctx context.Context, payload any) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return &failure{text: "the notification is not JSON: " + err.Error(), class: classOther, refused: true}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return &failure{text: e.host + ": no request can be made of the URL", class: classOther, refused: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "otelmon")
	resp, err := e.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL
		}
		return &failure{text: e.host + ": " + e.quote(err.Error()), class: class(err)}
	}
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // of use even if cut off
	resp.Body.Close()
	return e.judge(resp, string(answer), time.Now())
}

// judge says what an answer means. What is not mended by time is refused.
func (e *endpoint) judge(resp *http.Response, answer string, now time.Time) error {
	status := resp.StatusCode
	if status >= 200 && status <= 299 {
		return nil
	}
	f := &failure{
		text:  fmt.Sprintf("%s: status %d %s", e.host, status, http.StatusText(status)),
		class: strconv.Itoa(status),
	}
	switch {
	case status >= 300 && status <= 399:
		f.text += ": redirects are not followed"
		f.refused = true
		return f
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		f.after = retryAfter(resp.Header.Get("Retry-After"), now)
	default:
		f.refused = true
	}
	if said := e.quote(answer); said != "" {
		f.text += ": " + said
	}
	return f
}

// retryAfter reads the header of RFC 9110, section 10.2.3.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return min(max(0, time.Duration(min(seconds, int(maxRetryAfter/time.Second)))*time.Second), maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}

// quote makes text from elsewhere fit for an error: one line, short, and
// without what the URL keeps secret, for servers like to repeat what they were
// asked.
func (e *endpoint) quote(text string) string {
	for _, secret := range e.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	return clip(strings.Join(strings.Fields(text), " "), maxQuote)
}

// clip cuts text to at most limit bytes, never inside a rune.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len("…")], "") + "…"
}

// secretsOf lists every part of a URL that may be a secret, in all spellings,
// the longest first. What is shorter than four bytes is none, and would blank
// half of every text.
func secretsOf(u *url.URL) []string {
	parts := []string{u.Path, u.EscapedPath(), u.RawQuery, u.RequestURI(), u.Fragment}
	if u.User != nil {
		password, _ := u.User.Password()
		parts = append(parts, u.User.String(), u.User.Username(), password)
	}
	for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
		decoded, _ := url.PathUnescape(segment)
		parts = append(parts, segment, decoded)
	}
	for _, pair := range strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' || r == '=' || r == ';' }) {
		decoded, _ := url.QueryUnescape(pair)
		parts = append(parts, pair, decoded)
	}
	for _, part := range slices.Clone(parts) {
		quoted, _ := json.Marshal(part) //nolint:errchkjson // a string always can
		parts = append(parts, strings.Trim(string(quoted), `"`), url.PathEscape(part), url.QueryEscape(part), strings.Trim(strconv.Quote(part), `"`))
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return len(part) < 4 })
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return slices.Compact(parts)
}
