package exporters

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

const contentType = "application/x-protobuf"

// httpCarrier posts batches.
type httpCarrier struct {
	client *http.Client
	url    string
	header http.Header // of every request
	zip    *zipper     // nil without compression
}

func (e Endpoint) overHTTP(t target, signal Signal) *httpCarrier {
	if !e.Exact {
		t.url = t.url.JoinPath("/v1/" + signal.String())
	}
	c := &httpCarrier{
		client: &http.Client{
			Transport: newTransport(t.tls),
			// Following a redirect would hand the headers to somebody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		url:    t.url.String(),
		header: http.Header{"User-Agent": {userAgent}},
	}
	for name, value := range e.Headers {
		c.header.Set(name, value)
	}
	c.header.Set("Content-Type", contentType)
	if e.Compression == CompressionGzip {
		c.header.Set("Content-Encoding", "gzip")
		c.zip = &zipper{}
	}
	return c
}

// newTransport returns a transport of its own, so that its connections can be
// closed with the carrier. config is nil for plain text.
func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// A dead connection of HTTP/2 would fail every request until the system
		// gives it up; one of HTTP/1 goes with its first request.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 10 * time.Second},
	}
}

func (c *httpCarrier) close() { c.client.CloseIdleConnections() }

func (c *httpCarrier) carry(ctx context.Context, body []byte, batch, token string) answer {
	if c.zip != nil {
		body = c.zip.compress(body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return answer{kind: kindHold, err: err}
	}
	req.Header = c.header.Clone()
	req.Header.Set(batchHeader, batch)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return answer{kind: kindOfFailure(err), err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 == 2 {
		return taken(resp)
	}
	return refusal(resp)
}

// kindOfFailure tells an outage from what is set up wrongly, when no answer came.
func kindOfFailure(err error) answerKind {
	if isMisconfigured(err.Error()) {
		return kindHold
	}
	return kindRetry
}

// taken reads the answer to a batch that was taken. Whatever is wrong with the
// answer itself, sending the batch again would double it.
func taken(resp *http.Response) answer {
	a := answer{kind: kindDelivered}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	if err != nil {
		a.err = fmt.Errorf("batch was taken, but the answer broke off: %w", err)
		return a
	}
	if len(content) > maxResponse {
		a.err = fmt.Errorf("batch was taken, but the answer is longer than %d bytes", maxResponse)
		return a
	}
	if !isProtobuf(resp.Header) {
		return a // some servers say "ok"; only the specified form can tell more
	}
	a.readPartial(content)
	return a
}

// isProtobuf reports whether the body is what was asked for.
func isProtobuf(header http.Header) bool {
	kind := header.Get("Content-Type")
	media, _, _ := mime.ParseMediaType(kind)
	return kind == "" || media == contentType || media == "application/protobuf"
}

// readPartial reads the response of any signal: all three have the same numbers
// and types of fields.
func (a *answer) readPartial(content []byte) {
	var response coltrace.ExportTraceServiceResponse
	if err := proto.Unmarshal(content, &response); err != nil {
		a.err = fmt.Errorf("batch was taken, but the answer cannot be read: %w", err)
		return
	}
	partial := response.GetPartialSuccess()
	a.rejected = max(partial.GetRejectedSpans(), 0)
	if a.rejected > 0 || partial.GetErrorMessage() != "" {
		a.err = fmt.Errorf("OTLP partial success: %.*s (%d items rejected)", maxRefusal, partial.GetErrorMessage(), a.rejected)
	}
}

// refusal reads the answer to a batch that was not taken.
func refusal(resp *http.Response) answer {
	a := answer{kind: kindOfStatus(resp.StatusCode)}
	a.denied = resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	a.tooLarge = resp.StatusCode == http.StatusRequestEntityTooLarge
	a.suspect = resp.StatusCode == http.StatusInternalServerError
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	text, wish := strings.TrimSpace(string(content)), time.Duration(0)
	var details rpcstatus.Status
	if isProtobuf(resp.Header) && proto.Unmarshal(content, &details) == nil {
		text, wish = details.GetMessage(), retryDelay(&details)
	}
	a.after = afterwards(wish)
	if asked := resp.Header.Get("Retry-After"); asked != "" {
		a.after = retryAfter(asked)
	}
	if a.kind == kindRefused && resp.Request.URL.Scheme == "http" && wantsTLS(text) {
		a.kind = kindHold
	}
	// The server's own words for its status are not trusted to be short.
	a.err = fmt.Errorf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if text != "" {
		a.err = fmt.Errorf("%w: %s", a.err, text)
	}
	if err != nil {
		a.err = fmt.Errorf("%w (the answer broke off: %w)", a.err, err)
	}
	return a
}

// wantsTLS recognises what Go's and nginx's servers say to plain text. Only the
// beginning counts: what follows may be an echo of the batch.
func wantsTLS(text string) bool {
	return strings.HasPrefix(text, "Client sent an HTTP request to an HTTPS server") ||
		strings.HasPrefix(strings.Join(strings.Fields(text), ""), "<html><head><title>400TheplainHTTPrequestwassenttoHTTPSport")
}

// kindOfStatus follows the OTLP specification where that would not lose data.
// What it calls not retryable is refused only if the content can be the reason.
func kindOfStatus(code int) answerKind {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return kindRetry
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusProxyAuthRequired, http.StatusGone,
		http.StatusUnsupportedMediaType, http.StatusMisdirectedRequest, http.StatusUpgradeRequired,
		http.StatusRequestHeaderFieldsTooLarge, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return kindHold
	}
	switch code / 100 {
	case 4:
		return kindRefused
	case 5:
		return kindRetry // of a proxy: 520 to 530 are outages behind it
	}
	return kindHold // a redirect, or no HTTP at all
}

// retryAfter reads the header's seconds or date.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return afterwards(time.Duration(min(max(seconds, 0), int64(maxAfter/time.Second))) * time.Second)
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return afterwards(time.Until(date))
}

// retryDelay returns what a google.rpc.RetryInfo asks for.
func retryDelay(details *rpcstatus.Status) time.Duration {
	for _, detail := range details.GetDetails() {
		var info errdetails.RetryInfo
		if detail.MessageIs(&info) && detail.UnmarshalTo(&info) == nil {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// zipper keeps the writers of gzip, each of which takes most of a megabyte.
type zipper struct{ writers sync.Pool }

func (z *zipper) compress(body []byte) []byte {
	w, ok := z.writers.Get().(*gzip.Writer)
	if !ok {
		w = gzip.NewWriter(nil)
	}
	var out bytes.Buffer
	w.Reset(&out)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	z.writers.Put(w)
	return out.Bytes()
}
