package healthgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
)

// A gRPC server that tells how it is, and ends without losing a call.
func ExampleNew() {
	ctx := context.Background()
	db := health.Check{Name: "db", Critical: true, Func: func(context.Context) error { return nil }}
	checks := health.New(health.Options{})
	if err := errors.Join(checks.Register(db), checks.Start(ctx)); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = checks.Shutdown(ctx) }()

	server := grpc.NewServer()
	// Besides, the program registers Orders itself, whose name is
	// orderspb.Orders_ServiceDesc.ServiceName.
	healthpb.RegisterHealthServer(server, healthgrpc.New(checks, "shop.v1.Orders"))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = server.Serve(listener) }()
	ask(ctx, checks, listener.Addr().String())
	checks.Drain() // DrainOnSignal does so upon SIGTERM
	ask(ctx, checks, listener.Addr().String())
	server.GracefulStop()
	// Output:
	// <nil>
	// service "shop.v1.Orders" is NOT_SERVING
}

func ask(ctx context.Context, checks *health.Registry, address string) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	if _, err := checks.Run(ctx); err != nil { // so that there are results
		fmt.Println(err)
	}
	fmt.Println(healthgrpc.Checker(conn, "shop.v1.Orders")(ctx))
}

// A check of another server, on the connection that the application calls it
// with.
func ExampleChecker() {
	payments, err := grpc.NewClient("payments.internal:443", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = payments.Close() }()
	checks := health.New(health.Options{})
	err = checks.Register(health.Check{Name: "payments", Func: healthgrpc.Checker(payments, "pay.v1.Payments")})
	fmt.Println(err)
	// Output: <nil>
}
