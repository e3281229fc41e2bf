package exporters

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxAnswer is how much of an error's body is read. The official exporters put
// all they read into the error's text.
const maxAnswer = 4 << 10

// notEstablished is what HTTP/2 says when the receiver breaks off a connection
// that has just come about.
const notEstablished = "client conn could not be established"

// persistent is a transport that answers 503 where a connection could not be
// had or broke. The official exporters retry 503 until their timeout ends, but
// give a batch up at once for an error.
type persistent struct {
	next *http.Transport
}

// newPersistent returns a transport of its own, so that its connections can be
// closed with the exporter. config is nil for plain text.
func newPersistent(config *tls.Config) *persistent {
	return &persistent{next: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          2,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
	}}
}

// RoundTrip implements [http.RoundTripper].
func (p *persistent) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(req)
	switch {
	case err == nil:
		if resp.StatusCode >= http.StatusMultipleChoices {
			resp.Body = brief{io.LimitReader(resp.Body, maxAnswer), resp.Body}
		}
		return resp, nil
	case req.Context().Err() != nil || !isOutage(err):
		return nil, err
	}
	return unavailable(req, err), nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls.
func (p *persistent) CloseIdleConnections() { p.next.CloseIdleConnections() }

// isOutage reports whether another attempt may succeed: the receiver is not
// there or went away. A wrong certificate or protocol does not heal by waiting.
func isOutage(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return slices.Contains([]string{"dial", "proxyconnect", "read", "write"}, op.Op)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	return slices.ContainsFunc([]string{"server closed idle connection", "GOAWAY", notEstablished}, func(text string) bool {
		return strings.Contains(err.Error(), text)
	})
}

// unavailable is the answer that a proxy in front of the receiver would give.
// Its body keeps the cause.
func unavailable(req *http.Request, cause error) *http.Response {
	const code = http.StatusServiceUnavailable
	return &http.Response{
		Status:     "503 " + http.StatusText(code),
		StatusCode: code,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{},
		Body:       io.NopCloser(strings.NewReader(cause.Error())),
		Request:    req,
	}
}

// brief reads the beginning of a body and closes all of it.
type brief struct {
	io.Reader
	io.Closer
}
