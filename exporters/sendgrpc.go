package exporters

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ownLimit is how long a response may be. It is odd so that gRPC's complaint
// about a response differs from a server's about the request, which is most
// often at 4 MiB: the batch of the former was taken.
const ownLimit = maxResponse - 1

// grpcCarrier calls Export.
type grpcCarrier struct {
	dial   func() (*grpc.ClientConn, error)
	method string
	header metadata.MD // of every call

	mu    sync.Mutex
	conn  *grpc.ClientConn
	inert *grpc.ClientConn // the one that a call failed on
}

func (e Endpoint) overGRPC(t target, signal Signal) (c *grpcCarrier, err error) {
	host, options := t.url.Host, e.connectOptions(t)
	c = &grpcCarrier{
		dial:   func() (*grpc.ClientConn, error) { return grpc.NewClient(host, options...) },
		method: exportMethod(signal), header: metadata.New(e.Headers),
	}
	c.conn, err = c.dial()
	return c, err
}

func exportMethod(signal Signal) string {
	service := map[Signal]string{
		Traces:  "trace.v1.TraceService",
		Metrics: "metrics.v1.MetricsService",
		Logs:    "logs.v1.LogsService",
	}[signal]
	return "/opentelemetry.proto.collector." + service + "/Export"
}

// connectOptions reconnect within seconds of an outage, where gRPC's default
// may wait two minutes, and notice a dead connection.
func (e Endpoint) connectOptions(t target) []grpc.DialOption {
	const maxHeaders = 64 << 10 // an error's text travels in a header
	transport := insecure.NewCredentials()
	if t.tls != nil {
		transport = credentials.NewTLS(t.tls)
	}
	call := []grpc.CallOption{grpc.ForceCodecV2(encoded{}), grpc.MaxCallRecvMsgSize(ownLimit)}
	if e.Compression == CompressionGzip {
		call = append(call, grpc.UseCompressor(gzip.Name))
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 500 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithUserAgent(userAgent),
		grpc.WithDefaultCallOptions(call...),
		// A name server must not be able to change how calls are made, nor add
		// retries of its own.
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
	}
}

// close ends calls too. By then none is left that anybody waits for.
func (c *grpcCarrier) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.conn.Close()
}

// connection returns one that the next call finds out about. gRPC answers calls
// on one that failed with what it knows until its own backoff is over; here the
// caller paces attempts, and the backend may be back. The state alone does not
// tell: a call may fail before it changes.
func (c *grpcCarrier) connection() *grpc.ClientConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == c.inert && c.conn.GetState() != connectivity.Ready {
		if fresh, err := c.dial(); err == nil { // as it was when the carrier was made
			_ = c.conn.Close()
			c.conn = fresh
		}
	}
	return c.conn
}

func (c *grpcCarrier) failed(conn *grpc.ClientConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inert = conn
}

func (c *grpcCarrier) carry(ctx context.Context, body []byte, batch, token string) answer {
	header := c.header.Copy()
	header.Set(batchHeader, batch)
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	var response []byte
	conn := c.connection()
	err := conn.Invoke(metadata.NewOutgoingContext(ctx, header), c.method, body, &response)
	if err == nil {
		a := answer{kind: kindDelivered}
		a.readPartial(response)
		return a
	}
	if isOwnLimit(err) {
		return answer{kind: kindDelivered, err: fmt.Errorf("batch was taken, but the answer is too long: %w", err)}
	}
	c.failed(conn)
	return refusalOf(err)
}

func isOwnLimit(err error) bool {
	text := err.Error()
	return status.Code(err) == codes.ResourceExhausted &&
		(strings.HasSuffix(text, fmt.Sprintf("vs. %d)", ownLimit)) || strings.HasSuffix(text, fmt.Sprintf("larger than max %d", ownLimit)))
}

func refusalOf(err error) answer {
	s := status.Convert(err)
	a := answer{kind: kindOfCode(s.Code()), after: afterwards(retryDelay(s.Proto())), err: err}
	switch s.Code() {
	case codes.Unauthenticated, codes.PermissionDenied:
		a.denied = true
	case codes.Unavailable:
		if isMisconfigured(s.Message()) {
			a.kind = kindHold
		}
	case codes.Internal, codes.Unknown, codes.DataLoss:
		a.suspect = true
	case codes.ResourceExhausted:
		if a.after == 0 && speaksOfSize(s.Message()) {
			a.kind, a.tooLarge = kindRefused, true
		}
	}
	return a
}

// kindOfCode follows the table of the OTLP specification where that would not
// lose data. ResourceExhausted without RetryInfo is how many backends limit the
// rate, although the table calls it final.
func kindOfCode(code codes.Code) answerKind {
	switch code {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.AlreadyExists:
		return kindRefused
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.NotFound:
		return kindHold
	}
	return kindRetry
}

// speaksOfSize tells a message that is too large from a rate that is too high.
func speaksOfSize(message string) bool {
	for _, text := range []string{"larger than max", "too large", "message size"} {
		if strings.Contains(strings.ToLower(message), text) {
			return true
		}
	}
	return false
}

// encoded is the codec of messages that are bytes already.
type encoded struct{}

// Name implements [google.golang.org/grpc/encoding.CodecV2], as the other methods do. The bytes are
// what the codec of this name writes.
func (encoded) Name() string { return "proto" }

func (encoded) Marshal(v any) (mem.BufferSlice, error) {
	body, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("%T is not encoded", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(body)}, nil
}

func (encoded) Unmarshal(data mem.BufferSlice, v any) error {
	response, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T takes no bytes", v)
	}
	*response = data.Materialize()
	return nil
}
