package exporters

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Probe is a span, a data point and a log record that exist only to find out
// whether telemetry gets through. No sampler sees them. Make it with [NewProbe].
type Probe struct {
	// Service is service.name. The resource also says that this is a probe.
	Service string
	// TraceID is that of the span and of the log record.
	TraceID trace.TraceID
	// At is when the probe was made, in whole milliseconds; the data point's value
	// is the same in seconds of Unix time.
	At time.Time

	spanID trace.SpanID
}

// NewProbe returns a probe that was never sent before.
func NewProbe(service string) Probe {
	p := Probe{Service: service, At: time.Now().Truncate(time.Millisecond)}
	_, _ = rand.Read(p.TraceID[:]) // never fails
	_, _ = rand.Read(p.spanID[:])
	return p
}

// A Stage is a part of the way that a probe takes.
type Stage string

// The stages, in their order.
const (
	StageEndpoint Stage = "endpoint" // the endpoint itself is wrong, nothing was tried
	StageResolve  Stage = "resolve"  // the host's name
	StageConnect  Stage = "connect"  // TCP
	StageTLS      Stage = "tls"      // the handshake
	StageAnswer   Stage = "answer"   // what the receiver says to the request
)

// ProbeResult is what came of one probe.
type ProbeResult struct {
	// Err is why the item was not taken, or, with Taken, what the backend said
	// about it. It holds no secret; [Explain] knows what it means.
	Err error
	// Taken is true when the receiver answered that it has the item.
	Taken bool
	// Stage is how far the probe came.
	Stage Stage
	// Took is the time of each stage that was passed or tried. Over gRPC that of
	// the answer includes connecting once more.
	Took map[Stage]time.Duration
	// Addr is what was connected to, and Proxy whether that is a proxy of the
	// environment. Empty when no connection came about.
	Addr  string
	Proxy bool
	// Expires is when the first certificate of the receiver's chain does. Zero
	// without TLS and behind a proxy.
	Expires time.Time
	// Ahead is how far this machine's clock is ahead of the receiver's, negative
	// behind, as far as the answer's date tells for sure. Dated is false when it
	// has none, as over gRPC.
	Ahead time.Duration
	Dated bool
}

// Send sends the item of one signal once, as any other telemetry is sent. It
// first makes a connection of its own and drops it, to tell the stages of the
// way apart. It returns when ctx is done or the endpoint's timeout is over, and
// leaves no connection and no goroutine behind.
func (p Probe) Send(ctx context.Context, e Endpoint, signal Signal) ProbeResult {
	r := ProbeResult{Stage: StageEndpoint, Took: map[Stage]time.Duration{}}
	t, err := e.target()
	if err != nil {
		r.Err = err
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout())
	defer cancel()
	if err := r.reach(ctx, t, e.Protocol); err != nil {
		r.Err = clean(err, secretsOf(e.Headers)...)
		return r
	}
	body, err := p.encode(signal)
	if err != nil {
		r.Err = err
		return r
	}
	s, err := e.sender(signal)
	if err != nil {
		r.Err = err
		return r
	}
	defer s.close()
	r.Stage = StageAnswer
	dated := &dated{}
	if c, ok := s.current.carrier.(*httpCarrier); ok {
		if transport, ok := c.client.Transport.(*http.Transport); ok {
			dated.Transport = transport
			c.client.Transport = dated
		}
	}
	sent := time.Now()
	a := s.send(ctx, body, "probe-"+p.TraceID.String())
	r.Took[StageAnswer] = time.Since(sent)
	r.Err, r.Taken = a.err, a.kind == kindDelivered && a.rejected == 0
	r.Ahead, r.Dated = dated.ahead, dated.seen
	return r
}

// reach passes the stages up to the handshake.
func (r *ProbeResult) reach(ctx context.Context, t target, protocol string) error {
	hop, err := nextHop(t.url, protocol)
	if err != nil {
		return err
	}
	r.Proxy = hop != t.url
	r.Stage = StageResolve
	begun, resolved := time.Now(), time.Time{}
	conn, err := new(net.Dialer).DialContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) {
			resolved = time.Now()
			r.Took[StageResolve] = resolved.Sub(begun)
		},
	}), "tcp", net.JoinHostPort(hop.Hostname(), portOf(hop)))
	if _, unknown := errors.AsType[*net.DNSError](err); unknown {
		return err
	}
	if !resolved.IsZero() {
		begun = resolved
	}
	r.Stage, r.Took[StageConnect] = StageConnect, time.Since(begun)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	r.Addr = conn.RemoteAddr().String()
	if t.tls == nil || r.Proxy {
		return nil
	}
	return r.shakeHands(ctx, conn, t, protocol)
}

func (r *ProbeResult) shakeHands(ctx context.Context, conn net.Conn, t target, protocol string) error {
	config := t.tls.Clone()
	config.ServerName, config.NextProtos = t.url.Hostname(), []string{"h2"}
	if protocol != ProtocolGRPC {
		config.NextProtos = append(config.NextProtos, "http/1.1")
	}
	begun := time.Now()
	secure := tls.Client(conn, config)
	err := secure.HandshakeContext(ctx)
	r.Stage, r.Took[StageTLS] = StageTLS, time.Since(begun)
	if err != nil {
		return err
	}
	for _, certificate := range secure.ConnectionState().PeerCertificates {
		if r.Expires.IsZero() || certificate.NotAfter.Before(r.Expires) {
			r.Expires = certificate.NotAfter
		}
	}
	return nil
}

// nextHop is the proxy on the way to u, or else u. gRPC asks for it as for
// https, whatever it speaks.
func nextHop(u *url.URL, protocol string) (*url.URL, error) {
	asked := *u
	if protocol == ProtocolGRPC {
		asked.Scheme = "https"
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &asked})
	if err != nil || proxy == nil {
		return u, err
	}
	return proxy, nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	case u.Scheme == "socks5", u.Scheme == "socks5h":
		return "1080"
	}
	return "443"
}

// dated reads the time off answers. It serves one request at a time.
type dated struct {
	*http.Transport

	ahead time.Duration
	seen  bool
}

// RoundTrip implements [http.RoundTripper].
func (d *dated) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := d.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		d.ahead, d.seen = ahead(sent, time.Now(), date), true
	}
	return resp, nil
}

// ahead compares the clocks. The answer was written between sent and received,
// and its date may have been cut to the second, which proves nothing.
func ahead(sent, received, date time.Time) time.Duration {
	if early := sent.Sub(date.Add(time.Second)); early > 0 {
		return early
	}
	return min(received.Sub(date), 0)
}
