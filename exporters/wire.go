package exporters

import (
	"context"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
)

// wire is one exporter's way out: a gRPC connection or an HTTP client with the
// URL to post to. As keeper of the official exporter it holds every export to
// the endpoint's timeout and makes errors fit to be printed.
type wire struct {
	conn        *grpc.ClientConn // nil for HTTP
	client      *http.Client     // nil for gRPC
	url         string
	compression int // as every HTTP exporter counts it: 0 none, 1 gzip
	timeout     time.Duration
	secrets     []string
}

// wire opens the way out for one signal. Nothing is dialled yet.
func (e Endpoint) wire(path string) (*wire, error) {
	t, err := e.target()
	if err != nil {
		return nil, err
	}
	w := &wire{timeout: e.timeout(), secrets: secretsOf(e.Headers)}
	if e.Compression == CompressionGzip {
		w.compression = 1
	}
	if e.Protocol == ProtocolGRPC {
		w.conn, err = grpc.NewClient(t.url.Host, e.dialOptions(t)...)
		return w, err
	}
	if !e.Exact {
		t.url = t.url.JoinPath(path)
	}
	w.url = t.url.String()
	w.client = &http.Client{
		Transport: newPersistent(t.tls),
		// Following a redirect would hand the headers to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w, nil
}

// dialOptions reconnect within seconds of an outage, where gRPC's default may
// wait two minutes, and notice a dead connection.
func (e Endpoint) dialOptions(t target) []grpc.DialOption {
	const maxHeaders = 64 << 10 // an error's text travels in a header
	transport := insecure.NewCredentials()
	if t.tls != nil {
		transport = credentials.NewTLS(t.tls)
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 500 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithMaxHeaderListSize(maxHeaders),
	}
	if e.Compression == CompressionGzip {
		opts = append(opts, grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)))
	}
	return opts
}

func (w *wire) export(ctx context.Context, _ int, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	return clean(call(ctx), w.secrets...)
}

func (w *wire) flush(ctx context.Context, call func(context.Context) error) error {
	return clean(call(ctx), w.secrets...)
}

func (w *wire) shutdown(ctx context.Context, call func(context.Context) error) error {
	defer w.release()
	return clean(call(ctx), w.secrets...)
}

// release closes the connections. Errors of closing tell nothing: the data is
// delivered or lost by now.
func (w *wire) release() {
	if w.conn != nil {
		_ = w.conn.Close()
		return
	}
	w.client.CloseIdleConnections()
}
