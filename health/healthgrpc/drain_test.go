package healthgrpc_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/health" // client-side health checking
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
)

func pass(context.Context) error { return nil }

func TestDrainWhileWatching(t *testing.T) {
	registry := begin(t, health.Check{Name: "db", Critical: true, Func: pass})
	client := client(t, registry, "shop.v1.Orders")
	told := []watcher{
		watch(t, client, "", serving), watch(t, client, "readiness", serving),
		watch(t, client, "shop.v1.Orders", serving), watch(t, client, "db", serving),
	}
	unchanged := []watcher{
		watch(t, client, "liveness", serving), watch(t, client, "startup", serving), watch(t, client, "nobody", unknown),
	}
	registry.Drain()
	for _, stream := range told {
		stream.expect(t, notServing)
		stream.expectEnd(t, codes.Unavailable)
	}
	for _, stream := range unchanged {
		stream.expectEnd(t, codes.Unavailable)
	}
	for service, want := range map[string]healthpb.HealthCheckResponse_ServingStatus{
		"": notServing, "readiness": notServing, "shop.v1.Orders": notServing, "db": notServing,
		"liveness": serving, "startup": serving,
	} {
		expect(t, client, service, want)
	}
}

// TestWatchWhileDraining: with a message first, a gRPC client would come back
// without a pause, as often as it can.
func TestWatchWhileDraining(t *testing.T) {
	registry := begin(t, health.Check{Name: "db", Func: pass})
	client := client(t, registry)
	registry.Drain()
	for _, service := range []string{"", "db", "liveness", "nobody"} {
		stream, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		must(t, err)
		watcher{stream, service}.expectEnd(t, codes.Unavailable)
	}
}

func TestShutdownOfTheRegistry(t *testing.T) {
	registry := begin(t, health.Check{Name: "db", Func: pass}) // not critical: the verdict stays healthy
	client := client(t, registry)
	ready, nobody := watch(t, client, "", serving), watch(t, client, "nobody", unknown)
	must(t, registry.Shutdown(t.Context()))
	ready.expect(t, notServing)
	ready.expectEnd(t, codes.Unavailable)
	nobody.expectEnd(t, codes.Unavailable)
	expect(t, client, "", notServing)
	expect(t, client, "db", notServing)
	expect(t, client, "liveness", serving)
	stream, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	must(t, err)
	watcher{stream, ""}.expectEnd(t, codes.Unavailable)
}

func TestShutdownWithoutChecks(t *testing.T) {
	registry := begin(t)
	stream := watch(t, client(t, registry), "", serving)
	must(t, registry.Shutdown(t.Context()))
	stream.expect(t, notServing)
	stream.expectEnd(t, codes.Unavailable)
}

// TestGracefulStop would not end if one of the streams stayed open.
func TestGracefulStop(t *testing.T) {
	registry := begin(t, health.Check{Name: "db", Func: pass})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	server := start(t, listener, healthgrpc.New(registry))
	client := healthpb.NewHealthClient(connect(t, listener.Addr().String()))
	streams := []watcher{watch(t, client, "nobody", unknown), watch(t, client, "liveness", serving)}
	registry.Drain()
	server.GracefulStop()
	for _, stream := range streams {
		stream.expectEnd(t, codes.Unavailable)
	}
}

func TestWatchEndsWithItsClient(t *testing.T) {
	client := client(t, begin(t))
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
	must(t, err)
	w := watcher{stream, ""}
	w.expect(t, serving)
	cancel()
	w.expectEnd(t, codes.Canceled)
	// That the handler has ended too is for goleak to see.
}

// TestBalancedClient: a gRPC client with two servers takes the one that isn't
// draining, and calls fail when both are.
func TestBalancedClient(t *testing.T) {
	var servers [2]*health.Registry
	var addresses [2]string
	for i := range servers {
		servers[i] = begin(t, health.Check{Name: "db", Critical: true, Func: pass})
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		start(t, listener, healthgrpc.New(servers[i], "shop.v1.Orders"))
		addresses[i] = listener.Addr().String()
	}
	both := manual.NewBuilderWithScheme("both")
	both.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: addresses[0]}, {Addr: addresses[1]}}})
	client := healthpb.NewHealthClient(connect(t, "both:///", grpc.WithResolvers(both), grpc.WithDefaultServiceConfig(
		`{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": "shop.v1.Orders"}}`)))
	// The call is that of any service; liveness is one that goes on while draining.
	call := func(options ...grpc.CallOption) (string, error) {
		var server peer.Peer
		_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "liveness"}, append(options, grpc.Peer(&server))...)
		if err != nil {
			return "", err
		}
		return server.Addr.String(), nil
	}
	for seen := map[string]bool{}; len(seen) < 2; {
		server, err := call(grpc.WaitForReady(true))
		must(t, err)
		seen[server] = true
	}

	servers[0].Drain()
	for streak := 0; streak < 10; streak++ { // until the client has heard of it
		server, err := call()
		must(t, err)
		if server == addresses[0] {
			streak = 0
		}
	}
	servers[1].Drain()
	for {
		if _, err := call(); err != nil {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%v, want Unavailable", err)
			}
			return
		}
	}
}
