//go:build unix

package healthgrpc_test

import (
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/otelmon/otelmon-go/health"
	"github.com/otelmon/otelmon-go/health/healthgrpc"
)

// TestSIGTERM: readiness fails at once, over HTTP and gRPC, while the server goes
// on serving until the delay is over.
func TestSIGTERM(t *testing.T) {
	registry := begin(t, health.Check{Name: "db", Critical: true, Func: pass})
	server, conn := serve(t, healthgrpc.New(registry))
	client := healthpb.NewHealthClient(conn)
	stream := watch(t, client, "", serving)
	draining, stop := registry.DrainOnSignal(t.Context(), time.Hour)
	defer stop()
	must(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM))

	stream.expect(t, notServing)
	stream.expectEnd(t, codes.Unavailable)
	for path, want := range map[string]int{"/readyz": http.StatusServiceUnavailable, "/livez": http.StatusOK, "/startupz": http.StatusOK} {
		answer := httptest.NewRecorder()
		registry.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if answer.Code != want {
			t.Errorf("%s is %d, want %d", path, answer.Code, want)
		}
	}
	expect(t, client, "", notServing)
	expect(t, client, "liveness", serving)
	if err := draining.Err(); err != nil {
		t.Errorf("the delay of an hour is over: %v", err)
	}
	must(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM)) // a second one ends the delay
	<-draining.Done()
	server.GracefulStop()
}
