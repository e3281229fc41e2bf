package healthgrpc_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	serving    = healthpb.HealthCheckResponse_SERVING
	notServing = healthpb.HealthCheckResponse_NOT_SERVING
	unknown    = healthpb.HealthCheckResponse_SERVICE_UNKNOWN
)

var errDown = errors.New("down")

// result is what a check finds, as its test wants it.
type result struct{ atomic.Pointer[error] }

func (r *result) set(err error) { r.Store(&err) }

func (r *result) check(context.Context) error {
	if err := r.Load(); err != nil {
		return *err
	}
	return nil
}

// begin registers and starts checks, which run when a test asks for it.
func begin(t *testing.T, checks ...health.Check) *health.Registry {
	t.Helper()
	registry := health.New(health.Options{})
	for _, c := range checks {
		register(t, registry, c)
	}
	must(t, registry.Start(t.Context()))
	t.Cleanup(func() { must(t, registry.Shutdown(context.Background())) })
	run(t, registry)
	return registry
}

func register(t *testing.T, registry *health.Registry, c health.Check) {
	t.Helper()
	c.Interval = time.Hour
	must(t, registry.Register(c))
}

// run has the checks executed and waits for the results.
func run(t *testing.T, registry *health.Registry, names ...string) {
	t.Helper()
	if _, err := registry.Run(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
}

// serve starts a gRPC server with the service and returns it with a connection
// to it.
func serve(t *testing.T, service healthpb.HealthServer) (*grpc.Server, *grpc.ClientConn) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := start(t, listener, service)
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	return server, connect(t, "passthrough:///buffer", grpc.WithContextDialer(dial))
}

func start(t *testing.T, listener net.Listener, service healthpb.HealthServer) *grpc.Server {
	t.Helper()
	server := grpc.NewServer()
	if service != nil {
		healthpb.RegisterHealthServer(server, service)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		must(t, <-ended)
	})
	return server
}

func connect(t *testing.T, target string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(target, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	return conn
}

// client serves the checks and returns a client of theirs.
func client(t *testing.T, registry *health.Registry, services ...string) healthpb.HealthClient {
	t.Helper()
	_, conn := serve(t, healthgrpc.New(registry, services...))
	return healthpb.NewHealthClient(conn)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, client healthpb.HealthClient, service string, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	resp, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		t.Errorf("%q: %v, want %s", service, err, want)
		return
	}
	if resp.GetStatus() != want {
		t.Errorf("%q is %s, want %s", service, resp.GetStatus(), want)
	}
}

type watcher struct {
	grpc.ServerStreamingClient[healthpb.HealthCheckResponse]

	service string
}

// watch opens a stream and expects its first message.
func watch(t *testing.T, client healthpb.HealthClient, service string, want healthpb.HealthCheckResponse_ServingStatus) watcher {
	t.Helper()
	stream, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: service})
	must(t, err)
	w := watcher{stream, service}
	w.expect(t, want)
	return w
}

func (w watcher) expect(t *testing.T, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	resp, err := w.Recv()
	if err != nil {
		t.Fatalf("watch of %q: %v, want %s", w.service, err, want)
	}
	if resp.GetStatus() != want {
		t.Fatalf("watch of %q says %s, want %s", w.service, resp.GetStatus(), want)
	}
}

func (w watcher) expectEnd(t *testing.T, want codes.Code) {
	t.Helper()
	if resp, err := w.Recv(); status.Code(err) != want {
		t.Fatalf("watch of %q says %s, %v, want the end with %s", w.service, resp.GetStatus(), err, want)
	}
}
