package healthgrpc

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/otelmon/otelmon-go/health"
)

// What a Kubernetes probe puts into grpc.service.
const (
	liveness  = "liveness"
	readiness = "readiness"
	startup   = "startup"
)

// A Server is the health service of one registry. Create it with [New] and give
// it to grpc_health_v1.RegisterHealthServer, for as many gRPC servers as there
// are. It starts no goroutine, so it need not be closed: its streams end when
// their clients leave, and when the registry drains or is shut down. All methods
// may be called concurrently.
//
// Why it isn't the Server of google.golang.org/grpc/health: that one is SERVING
// until told otherwise, forgets no service, lists no more than 100, keeps every
// name that a client has ever watched, and has no way to end a stream.
type Server struct {
	healthpb.UnimplementedHealthServer

	registry *health.Registry
	ready    []string // what answers with the verdict on readiness
}

var _ healthpb.HealthServer = (*Server)(nil)

// New returns the health service of registry, which may be started later. The
// services, full names such as "shop.v1.Orders", answer as "" does, that is with
// the verdict on readiness.
func New(registry *health.Registry, services ...string) *Server {
	return &Server{registry: registry, ready: append([]string{"", readiness}, services...)}
}

// Check answers for one service as of now. The error is NOT_FOUND if there is
// none of that name.
func (s *Server) Check(_ context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	report := s.registry.Report()
	answer := s.answer(&report, req.GetService())
	if answer == healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	return &healthpb.HealthCheckResponse{Status: answer}, nil
}

// List answers for all services as of now, of which there are as many as checks
// and a few more. It never fails.
func (s *Server) List(context.Context, *healthpb.HealthListRequest) (*healthpb.HealthListResponse, error) {
	report := s.registry.Report()
	names := append([]string{liveness, startup}, s.ready...)
	for i := range report.Results {
		names = append(names, report.Results[i].Name)
	}
	statuses := make(map[string]*healthpb.HealthCheckResponse, len(names))
	for _, name := range names {
		statuses[name] = &healthpb.HealthCheckResponse{Status: s.answer(&report, name)}
	}
	return &healthpb.HealthListResponse{Statuses: statuses}, nil
}

// Watch sends the answer for one service as of now, and again whenever it is
// another one. A client that is slow to read misses what lies in between, never
// the last one.
//
// When the registry drains or is shut down, Watch sends what that changes and
// fails with UNAVAILABLE. A call that comes later fails without a message.
func (s *Server) Watch(req *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	const none healthpb.HealthCheckResponse_ServingStatus = -1
	last := none
	for report := range s.registry.Watch(stream.Context()) {
		over := report.Draining
		if over && last == none {
			break // with a message the client would come back at once, and again
		}
		if answer := s.answer(&report, req.GetService()); answer != last {
			if err := stream.Send(&healthpb.HealthCheckResponse{Status: answer}); err != nil {
				return err
			}
			last = answer
		}
		if over {
			break
		}
	}
	if err := stream.Context().Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Unavailable, "the server is shutting down")
}

func (s *Server) answer(report *health.Report, service string) healthpb.HealthCheckResponse_ServingStatus {
	switch {
	case service == liveness:
		return serving(report.Verdict(health.Liveness))
	case service == startup:
		return serving(report.Verdict(health.Startup))
	case slices.Contains(s.ready, service):
		return unlessEnding(report, report.Verdict(health.Readiness))
	}
	at, found := slices.BinarySearchFunc(report.Results, service, func(r health.Result, name string) int {
		return strings.Compare(r.Name, name)
	})
	if !found {
		return healthpb.HealthCheckResponse_SERVICE_UNKNOWN
	}
	return unlessEnding(report, report.Results[at].State)
}

func unlessEnding(report *health.Report, state health.State) healthpb.HealthCheckResponse_ServingStatus {
	if report.Draining {
		return healthpb.HealthCheckResponse_NOT_SERVING
	}
	return serving(state)
}

func serving(state health.State) healthpb.HealthCheckResponse_ServingStatus {
	switch state {
	case health.StateHealthy, health.StateDegraded:
		return healthpb.HealthCheckResponse_SERVING
	case health.StateUnhealthy, health.StateUnknown:
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}
