// Package healthgrpc answers the gRPC health checking protocol,
// grpc.health.v1.Health, with the results of a [health.Registry], and checks
// other servers that speak it.
//
//	server := grpc.NewServer()
//	healthpb.RegisterHealthServer(server, healthgrpc.New(checks, orderspb.Orders_ServiceDesc.ServiceName))
//	go server.Serve(listener)
//	...
//	checks.Drain() // or DrainOnSignal: ends what would hold up GracefulStop
//	server.GracefulStop()
//
// healthpb is google.golang.org/grpc/health/grpc_health_v1.
//
// # Services
//
// The protocol asks for a service by name:
//
//	"" and "readiness"   the verdict that /readyz gives
//	"liveness"           that of /livez
//	"startup"            that of /startupz
//	a name given to New  the same as ""
//	the name of a check  the state of that check
//
// Kubernetes says which one it means with grpc.service in a probe,
// grpc-health-probe with -service, and gRPC clients with serviceName in the
// healthCheckConfig of their service config, where one expects the full name of a
// gRPC service. If that service can work while the process as a whole is not
// ready, or the other way round, give a check its name. Of equal names the upper
// one in this list counts.
//
// # Answers
//
// Healthy and degraded are SERVING, unhealthy and unknown NOT_SERVING. So a
// process is NOT_SERVING until its critical checks have their first result, and
// when a result has expired. A name that nobody has is NOT_FOUND for Check and
// SERVICE_UNKNOWN for Watch, which goes on and tells when a check of that name is
// registered or removed. Nothing but names and these answers leaves the process,
// no message and no detail.
//
// # Draining
//
// From [health.Registry.Drain] on everything is NOT_SERVING but liveness and
// startup, for those would have the process restarted in the middle of it.
// Watchers are told at once, then their streams end with UNAVAILABLE: an open
// stream would hold up grpc.Server.GracefulStop for ever. Further watchers get
// UNAVAILABLE and nothing else, which is what makes gRPC clients wait between two
// attempts. Shutdown of the registry does the same.
//
// A stream that is open when neither was called does hold up GracefulStop: gRPC
// tells no service that its server wants to stop. Call Drain first.
package healthgrpc
