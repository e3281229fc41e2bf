package main

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/otelmon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestChecksFollowWhatTheyCheck stops and starts NATS, then closes SQLite,
// and expects each to be told.
func TestChecksFollowWhatTheyCheck(t *testing.T) {
	mon, err := otelmon.Start(t.Context(), otelmon.Config{Service: "orders", Exporters: "none"})
	must(t, err)
	broker, err := startBroker(-1)
	must(t, err)
	port := broker.Addr().(*net.TCPAddr).Port
	s, err := open(broker.ClientURL(), t.TempDir())
	must(t, err)
	checks := health.New(health.Options{})
	must(t, s.register(checks, mon))
	must(t, checks.Start(t.Context()))
	for _, name := range []string{"nats", "sqlite", "queue", "consumer", "telemetry"} { // the disk may be full
		await(t, checks, name, health.StateHealthy)
	}
	connections := broker.NumClients()

	must(t, s.nc.Publish("orders", []byte("tea")))
	for count := 0; count != 1; {
		must(t, s.db.QueryRow("SELECT count(*) FROM orders").Scan(&count))
	}

	broker.Shutdown()
	broker.WaitForShutdown()
	if got := await(t, checks, "nats", health.StateUnhealthy); got.Message != "not connected" {
		t.Errorf("message %q", got.Message)
	}
	if report := checks.Report(); report.State != health.StateUnhealthy {
		t.Errorf("the service is %s", report.State)
	}
	broker, err = startBroker(port)
	must(t, err)
	await(t, checks, "nats", health.StateHealthy)
	if n := broker.NumClients(); n != connections || n != 1 {
		t.Errorf("%d connections: a check must not open its own", n)
	}

	must(t, s.db.Close())
	await(t, checks, "sqlite", health.StateUnhealthy)
	await(t, checks, "nats", health.StateHealthy)

	must(t, checks.Shutdown(context.WithoutCancel(t.Context())))
	must(t, s.close())
	broker.Shutdown()
	broker.WaitForShutdown()
	must(t, mon.Shutdown(context.WithoutCancel(t.Context())))
}

// TestRun starts the program and ends it.
func TestRun(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	t.Setenv("OTEL_LOGS_EXPORTER", "none")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, run(ctx, "127.0.0.1:0", t.TempDir()))
}

// await waits until the check has the state.
func await(t *testing.T, checks *health.Registry, name string, state health.State) health.Result {
	t.Helper()
	for {
		for _, result := range checks.Report().Results {
			if result.Name == name && result.State == state {
				return result
			}
		}
		<-time.After(10 * time.Millisecond)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
