package healthgrpc

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// Checker returns a function for [health.Check.Func] that asks another server for
// the health of one of its services, "" for that of the server as a whole. It
// passes if the answer is SERVING.
//
// conn is the application's own connection, usually a *grpc.ClientConn, whose
// balancer, credentials and interceptors apply. It stays the application's to
// close. An idle connection is connected, one that has just failed fails the check
// at once instead of waiting for the next attempt.
//
// An error that came from gRPC is wrapped, so that status.Code tells a server
// without that service (NotFound) and one without the health protocol
// (Unimplemented) from one that could not be reached. The function may be called
// concurrently.
func Checker(conn grpc.ClientConnInterface, service string) func(context.Context) error {
	if conn == nil {
		return func(context.Context) error { return errors.New("grpc checker: the connection is nil") }
	}
	client, subject := healthpb.NewHealthClient(conn), "the server"
	if service != "" {
		subject = fmt.Sprintf("service %q", service)
	}
	return func(ctx context.Context) error {
		resp, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: service})
		switch {
		case err == nil && resp.GetStatus() == healthpb.HealthCheckResponse_SERVING:
			return nil
		case err == nil:
			return fmt.Errorf("%s is %s", subject, resp.GetStatus())
		case status.Code(err) == codes.NotFound:
			return fmt.Errorf("the server knows no service %q: %w", service, err)
		case status.Code(err) == codes.Unimplemented:
			return fmt.Errorf("the server doesn't implement grpc.health.v1.Health: %w", err)
		default:
			return fmt.Errorf("%s can't be asked: %w", subject, err)
		}
	}
}
