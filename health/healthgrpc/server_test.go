package healthgrpc_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
)

func TestNotServingBeforeTheFirstResult(t *testing.T) {
	registry := health.New(health.Options{})
	release := make(chan struct{})
	register(t, registry, health.Check{Name: "db", Critical: true, Func: func(context.Context) error {
		<-release
		return nil
	}})
	client := client(t, registry, "shop.v1.Orders")
	expect(t, client, "", notServing) // nobody has called Start yet
	must(t, registry.Start(t.Context()))
	defer func() { must(t, registry.Shutdown(context.Background())) }()

	stream := watch(t, client, "", notServing)
	for service, want := range map[string]healthpb.HealthCheckResponse_ServingStatus{
		"": notServing, "readiness": notServing, "startup": notServing, "shop.v1.Orders": notServing, "db": notServing,
		"liveness": serving,
	} {
		expect(t, client, service, want)
	}
	close(release)
	stream.expect(t, serving)
	for _, service := range []string{"", "readiness", "startup", "shop.v1.Orders", "db", "liveness"} {
		expect(t, client, service, serving)
	}
}

func TestStates(t *testing.T) {
	for _, test := range []struct {
		name         string
		err          error
		critical     bool
		check, ready healthpb.HealthCheckResponse_ServingStatus
	}{
		{"healthy", nil, true, serving, serving},
		{"degraded", health.Degraded(errDown), true, serving, serving},
		{"unhealthy", errDown, true, notServing, notServing},
		{"unhealthy but not critical", errDown, false, notServing, serving},
	} {
		t.Run(test.name, func(t *testing.T) {
			fail := func(context.Context) error { return test.err }
			client := client(t, begin(t, health.Check{Name: "db", Critical: test.critical, Func: fail}), "shop.v1.Orders")
			expect(t, client, "db", test.check)
			expect(t, client, "", test.ready)
			expect(t, client, "readiness", test.ready)
			expect(t, client, "startup", test.ready)
			expect(t, client, "shop.v1.Orders", test.ready)
			expect(t, client, "liveness", serving)
		})
	}
}

func TestProbesAreToldApart(t *testing.T) {
	client := client(t, begin(
		t,
		health.Check{Name: "deadlock", Critical: true, Scope: health.Internal, Probes: health.Liveness, Func: func(context.Context) error { return errDown }},
		health.Check{Name: "db", Critical: true, Probes: health.Readiness, Func: func(context.Context) error { return nil }},
		health.Check{Name: "migration", Critical: true, Probes: health.Startup, Func: func(context.Context) error { return errDown }},
	))
	expect(t, client, "liveness", notServing)
	expect(t, client, "readiness", serving)
	expect(t, client, "startup", notServing)
}

// TestNamesThatAreTaken: a check can't take the place of a probe.
func TestNamesThatAreTaken(t *testing.T) {
	fail := func(context.Context) error { return errDown }
	registry := begin(t, health.Check{Name: "liveness", Func: fail}, health.Check{Name: "shop.v1.Orders", Func: fail})
	client := client(t, registry, "shop.v1.Orders")
	expect(t, client, "liveness", serving)
	expect(t, client, "shop.v1.Orders", serving)
}

func TestUnknownService(t *testing.T) {
	client := client(t, begin(t))
	_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "nobody"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("Check: %v, want NotFound", err)
	}
}

// TestWatchFollows: one stream through the whole life of a check.
func TestWatchFollows(t *testing.T) {
	registry := begin(t)
	var db result
	stream := watch(t, client(t, registry), "db", unknown)
	register(t, registry, health.Check{Name: "other", Func: db.check}) // no news for this stream
	release := make(chan struct{})
	register(t, registry, health.Check{Name: "db", Fall: 1, Func: func(ctx context.Context) error {
		<-release
		return db.check(ctx)
	}})
	stream.expect(t, notServing)
	close(release)
	stream.expect(t, serving)
	db.set(errDown)
	run(t, registry, "db")
	stream.expect(t, notServing)
	db.set(health.Degraded(errDown))
	run(t, registry, "db")
	stream.expect(t, serving)
	db.set(nil)
	run(t, registry, "db") // still SERVING, which is no message
	registry.Unregister("db")
	stream.expect(t, unknown)
}

// TestExpiredResult: nothing runs any more that could notice.
func TestExpiredResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := health.New(health.Options{Concurrency: 1})
		must(t, registry.Register(health.Check{Name: "db", Critical: true, Interval: time.Second, Func: func(context.Context) error { return nil }}))
		must(t, registry.Start(t.Context()))
		run(t, registry)
		service := healthgrpc.New(registry)
		check := func() healthpb.HealthCheckResponse_ServingStatus {
			resp, err := service.Check(t.Context(), &healthpb.HealthCheckRequest{})
			must(t, err)
			return resp.GetStatus()
		}
		if got := check(); got != serving {
			t.Errorf("%s, want SERVING", got)
		}
		must(t, registry.Register(health.Check{Name: "hog", Interval: time.Hour, Timeout: time.Hour, Func: func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}}))
		<-time.After(10 * time.Minute)
		if got := check(); got != notServing {
			t.Errorf("%s, want NOT_SERVING: the last result is minutes old", got)
		}
		must(t, registry.Shutdown(context.WithoutCancel(t.Context())))
	})
}

func TestList(t *testing.T) {
	// More than the Server of google.golang.org/grpc/health is able to list.
	var checks []health.Check
	want := map[string]healthpb.HealthCheckResponse_ServingStatus{
		"": serving, "readiness": serving, "liveness": serving, "startup": serving, "shop.v1.Orders": serving,
	}
	for i := range 150 {
		err := error(nil)
		name := fmt.Sprintf("check-%d", i)
		want[name] = serving
		if i%2 == 1 {
			err, want[name] = errDown, notServing
		}
		checks = append(checks, health.Check{Name: name, Func: func(context.Context) error { return err }})
	}
	resp, err := client(t, begin(t, checks...), "shop.v1.Orders").List(t.Context(), &healthpb.HealthListRequest{})
	must(t, err)
	if got := resp.GetStatuses(); len(got) != len(want) {
		t.Errorf("%d services, want %d: %v", len(got), len(want), got)
	}
	for name, status := range want {
		if got := resp.GetStatuses()[name].GetStatus(); got != status {
			t.Errorf("%q is %s, want %s", name, got, status)
		}
	}
}

// TestManyWatchers: while everything changes at once, nobody misses the end.
func TestManyWatchers(t *testing.T) {
	var db result
	registry := begin(t, health.Check{Name: "db", Critical: true, Func: db.check})
	client := client(t, registry)
	var watching sync.WaitGroup
	for i := range 32 {
		service := []string{"", "db", "other", "nobody"}[i%4]
		stream, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		must(t, err)
		last, err := stream.Recv() // before the end, which is all that a late watcher is told
		must(t, err)
		want := notServing
		if service == "nobody" {
			want = unknown
		}
		watching.Go(func() {
			for {
				resp, err := stream.Recv()
				if err != nil {
					if last.GetStatus() != want || status.Code(err) != codes.Unavailable {
						t.Errorf("watch of %q ended with %s, %v, want %s, Unavailable", service, last.GetStatus(), err, want)
					}
					return
				}
				if last.GetStatus() == resp.GetStatus() {
					t.Errorf("watch of %q says %s twice", service, resp.GetStatus())
				}
				last = resp
			}
		})
	}
	for i := range 50 {
		db.set(map[bool]error{true: errDown}[i%2 == 0])
		register(t, registry, health.Check{Name: "other", Func: db.check})
		run(t, registry)
		registry.Unregister("other")
	}
	register(t, registry, health.Check{Name: "other", Func: db.check})
	run(t, registry)
	expect(t, client, "", serving)
	for _, service := range []string{"", "db", "other"} {
		watch(t, client, service, serving)
	}
	registry.Drain()
	watching.Wait()
}

func BenchmarkCheck(b *testing.B) {
	registry := health.New(health.Options{})
	for i := range 20 {
		if err := registry.Register(health.Check{Name: fmt.Sprintf("check-%d", i), Func: func(context.Context) error { return nil }}); err != nil {
			b.Fatal(err)
		}
	}
	service := healthgrpc.New(registry)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := service.Check(b.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}
