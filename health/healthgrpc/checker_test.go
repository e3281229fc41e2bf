package healthgrpc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
	"github.com/otelmon/otelmon-go/health/healthtest"
	"github.com/otelmon/otelmon-go/internal/loopback"
)

func TestChecker(t *testing.T) {
	registry := begin(
		t,
		health.Check{Name: "up", Func: pass},
		health.Check{Name: "limited", Func: func(context.Context) error { return health.Degraded(errDown) }},
		health.Check{Name: "down", Critical: true, Func: func(context.Context) error { return errDown }},
	)
	_, conn := serve(t, healthgrpc.New(registry))
	_, mute := serve(t, nil)
	for _, test := range []struct {
		name, service string
		conn          grpc.ClientConnInterface
		want          string // begins the error
		code          codes.Code
	}{
		{"serving", "up", conn, "", codes.OK},
		{"degraded", "limited", conn, "", codes.OK},
		{"not serving", "down", conn, `service "down" is NOT_SERVING`, codes.Unknown},
		{"server not serving", "", conn, "the server is NOT_SERVING", codes.Unknown},
		{"unknown service", "nobody", conn, `the server knows no service "nobody": `, codes.NotFound},
		{"no health protocol", "", mute, "the server doesn't implement grpc.health.v1.Health: ", codes.Unimplemented},
		{"no server", "up", connect(t, loopback.Addr(t)), `service "up" can't be asked: `, codes.Unavailable},
		{"no connection", "up", nil, "grpc checker: the connection is nil", codes.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := healthgrpc.Checker(test.conn, test.service)(t.Context())
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if got := status.Code(errors.Unwrap(err)); test.code != codes.Unknown && got != test.code {
				t.Errorf("code %s, want %s", got, test.code)
			}
		})
	}
}

// TestCheckerProperties runs what every checker has to pass.
func TestCheckerProperties(t *testing.T) {
	healthtest.Run(t, func(t *testing.T) healthtest.Subject {
		t.Helper()
		inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		listener := &healthtest.CountingListener{Listener: inner}
		fake := new(server)
		start(t, listener, fake)
		return healthtest.Subject{
			Check:       healthgrpc.Checker(connect(t, inner.Addr().String()), "shop.v1.Orders"),
			Break:       fake.Break,
			Repair:      fake.Repair,
			Hang:        fake.Hang,
			Connections: listener.Accepted,
		}
	})
}

// server answers as the fake does.
type server struct {
	healthpb.UnimplementedHealthServer
	healthtest.Dependency
}

// Check implements the only method that is asked for.
func (s *server) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	answer := serving
	if s.Ping(ctx) != nil {
		answer = notServing
	}
	return &healthpb.HealthCheckResponse{Status: answer}, nil
}
