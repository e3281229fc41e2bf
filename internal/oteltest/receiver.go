package oteltest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/otelmon/otelmon-go/internal/loopback"
)

// Options says where and how a [Receiver] listens. The zero value takes two
// free ports on 127.0.0.1 and speaks plain text.
type Options struct {
	HTTPAddr string      // for OTLP over HTTP
	GRPCAddr string      // for OTLP over gRPC
	TLS      *tls.Config // for both; nil means plain text
}

// Receiver takes all three signals over OTLP/HTTP and OTLP/gRPC and keeps what
// arrives. It is safe for concurrent use.
type Receiver struct {
	scheme string
	http   *http.Server
	grpc   *grpc.Server
	addrs  [2]string // HTTP, gRPC
	served sync.WaitGroup
	closed chan struct{}

	mu       sync.Mutex
	fault    Fault
	changed  chan struct{} // closed and replaced at every request
	requests []Request
}

// Request is one export that reached the receiver, refused ones included.
type Request struct {
	Protocol string      // grpc or http/protobuf
	Path     string      // of HTTP, or the full method of gRPC
	Header   http.Header // of HTTP, or the metadata of gRPC
	Accepted bool        // false when a fault refused it
	Size     int         // of the encoded content, uncompressed

	// One of these holds the content of an accepted request.
	Traces  *coltrace.ExportTraceServiceRequest
	Metrics *colmetrics.ExportMetricsServiceRequest
	Logs    *collogs.ExportLogsServiceRequest
}

// Start listens and serves until [Receiver.Close].
func Start(o Options) (*Receiver, error) {
	r := &Receiver{scheme: "http://", closed: make(chan struct{}), changed: make(chan struct{})}
	onHTTP, err := listen(o.HTTPAddr)
	if err != nil {
		return nil, err
	}
	onGRPC, err := listen(o.GRPCAddr)
	if err != nil {
		return nil, errors.Join(err, onHTTP.Close())
	}
	r.addrs = [2]string{onHTTP.Addr().String(), onGRPC.Addr().String()}
	var secure []grpc.ServerOption
	if o.TLS != nil {
		r.scheme = "https://"
		secure = append(secure, grpc.Creds(credentials.NewTLS(o.TLS)))
		config := o.TLS.Clone()
		config.NextProtos = []string{"h2", "http/1.1"}
		onHTTP = tls.NewListener(onHTTP, config)
	}
	r.http = r.httpServer()
	r.grpc = r.grpcServer(secure)
	r.served.Go(func() { _ = r.http.Serve(onHTTP) }) // ends with Close
	r.served.Go(func() { _ = r.grpc.Serve(onGRPC) }) // ends with Close
	return r, nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		return loopback.Listen() // so that it can come back
	}
	for tries := 1; ; tries++ {
		l, err := net.Listen("tcp", addr) //nolint:noctx // a test's listener has no context to end with
		if err == nil || tries == 100 {
			return l, err
		}
		// A child that is just being started has the closed listener open, too.
		<-time.After(10 * time.Millisecond)
	}
}

// Close stops listening, breaks open connections and waits for both servers.
func (r *Receiver) Close() {
	close(r.closed)
	_ = r.http.Close()
	r.grpc.Stop()
	r.served.Wait()
}

// HTTPURL returns the base URL for OTLP over HTTP.
func (r *Receiver) HTTPURL() string { return r.scheme + r.addrs[0] }

// GRPCURL returns the URL for OTLP over gRPC.
func (r *Receiver) GRPCURL() string { return r.scheme + r.addrs[1] }

// Addrs returns the options that start another receiver on the same
// addresses, without TLS.
func (r *Receiver) Addrs() Options { return Options{HTTPAddr: r.addrs[0], GRPCAddr: r.addrs[1]} }

// Requests returns every request so far, oldest first.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Wait returns nil once enough is true, which is asked now and after every
// request, or the error of ctx.
func (r *Receiver) Wait(ctx context.Context, enough func(*Receiver) bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if enough(r) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// keep records a request and wakes those who wait.
func (r *Receiver) keep(req Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req)
	close(r.changed)
	r.changed = make(chan struct{})
}
