package e2e

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
)

// What grpc-health-probe ends with.
const (
	probeServing     = 0
	probeUnreachable = 2
	probeFailed      = 3 // the call, also for a service that is not known
	probeUnhealthy   = 4
)

// TestGRPCHealthProbe: the program that images carry for orchestrators without
// gRPC probes of their own comes to the right verdicts.
func TestGRPCHealthProbe(t *testing.T) {
	program := grpcHealthProbe.path(t)
	checks := health.New(health.Options{})
	for name, found := range map[string]error{"db": nil, "mail": errors.New("down"), "cache": health.Degraded(errors.New("cold"))} {
		check := health.Check{Name: name, Critical: name == "db", Func: func(context.Context) error { return found }}
		if err := checks.Register(check); err != nil {
			t.Fatal(err)
		}
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, healthgrpc.New(checks, "shop.v1.Orders"))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	defer server.Stop()
	expect := func(moment, service string, want int, words string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, "-addr="+listener.Addr().String(), "-service="+service, "-connect-timeout=30s", "-rpc-timeout=30s")
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want || !strings.Contains(output.String(), words) {
			t.Errorf("%s, %q: exit code %d, want %d and %q: %s", moment, service, got, want, words, &output)
		}
	}

	for _, service := range []string{"", "readiness", "startup", "shop.v1.Orders", "db"} {
		expect("before the first result", service, probeUnhealthy, "NOT_SERVING")
	}
	expect("before the first result", "liveness", probeServing, "SERVING")

	if err := checks.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := checks.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"", "liveness", "readiness", "startup", "shop.v1.Orders", "db", "cache"} {
		expect("running", service, probeServing, "SERVING")
	}
	expect("running", "mail", probeUnhealthy, "NOT_SERVING")
	expect("running", "nobody", probeFailed, "NotFound")

	checks.Drain()
	for _, service := range []string{"", "readiness", "shop.v1.Orders", "db"} {
		expect("draining", service, probeUnhealthy, "NOT_SERVING")
	}
	for _, service := range []string{"liveness", "startup"} {
		expect("draining", service, probeServing, "SERVING")
	}

	server.GracefulStop()
	if err := <-serving; err != nil {
		t.Error(err)
	}
	if err := checks.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestGRPCHealthProbeWithoutServer: nobody listens, which isn't the same as
// NOT_SERVING.
func TestGRPCHealthProbeWithoutServer(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	probe := exec.CommandContext(t.Context(), grpcHealthProbe.path(t), "-addr="+address, "-connect-timeout=100ms")
	out, err := probe.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != probeUnreachable {
		t.Errorf("%v, want exit code %d: %s", err, probeUnreachable, out)
	}
}
