// Package health runs health checks and tells their results, over HTTP for
// orchestrators and through OpenTelemetry for people.
//
//	checks := health.New(health.Options{})
//	checks.Register(health.Check{Name: "postgres", Func: db.PingContext, Critical: true})
//	err := checks.Start(ctx) // tells what Register refused, too
//	...
//	defer checks.Shutdown(ctx)
//	http.Handle("/", checks.Handler()) // /livez /readyz /startupz
//
// # Checks
//
// A check is a function: nil is healthy, [Degraded] of an error is degraded,
// another error is unhealthy. It is called periodically, never twice at a time,
// and on demand by [Registry.Run], whose callers share what runs. A function that
// ignores its context can't delay its own verdict, another check, a probe or a
// metric: at its timeout the check is unhealthy with [ReasonHung], its result
// shows where it stands, and it is not called again before it returns. Panics and
// runtime.Goexit make a check unhealthy. What Go itself treats as fatal (a
// concurrent map write, a stack overflow, no memory) still ends the process.
//
// Fall and Rise ask for several executions in a row before a state changes; in
// between the check runs more often. A check that keeps changing is flapping,
// which is told once. With DependsOn a failure that another one explains names
// its cause. [Registry.Observe] takes what real traffic sees as evidence.
//
// Every result expires. Expiry is computed by whoever reads, so a result can't
// stay healthy because nothing is left to renew it. [Report.Lag] tells when the
// scheduler itself is late.
//
// Package checkers has functions for databases, connections, HTTP, TLS, disks,
// memory, the runtime, queues and more.
//
// # Verdicts
//
// The service and each probe are as bad as their worst critical check, in the
// order healthy, degraded, unknown, unhealthy; a check that is not critical can
// degrade them, no more. Healthy and degraded answer 200, the others 503. Before
// the first result of a critical check liveness passes while readiness and
// startup fail. Checks of something outside the process are refused for
// liveness.
//
// [Registry.Drain] makes readiness fail, [Registry.DrainOnSignal] does so at
// SIGTERM and gives the load balancer time to notice.
//
// # Following changes
//
// [Registry.Watch] yields a report for each change, [Registry.Transitions] the
// changes themselves, and [Registry.Listen] calls a function with them. Package
// alert sends them to people, package healthgrpc to gRPC clients. Whoever is
// [Result.Muted], by a known cause, [Registry.Maintain] or [Registry.Pause], is
// not worth an alert.
//
// # Telemetry
//
//	health.status                          1 for the service's state (health.state), 0 for the other three
//	health.check.status                    the same for each check (health.check.name, .state, .critical)
//	health.check.severity                  0 healthy, 1 degraded, 2 unhealthy; absent while unknown
//	health.check.duration                  s, histogram (name, state, error.type)
//	health.check.transitions               {transition}, counter (name, state, previous_state)
//	health.check.last_completion.timestamp s
//	health.check.last_success.timestamp    s
//	health.check.flapping                  1 while the check keeps changing
//	health.check.muted                     1 while nobody needs to be told
//	health.scheduler.lag                   s, how late the scheduler is
//
// Each change of state is a log record, the event health.check.state_changed;
// flapping is two, health.check.flapping_started and health.check.flapping_ended.
// Executions that failed, changed a state or took more than half of their
// timeout are spans, named "health.check" and the check; the event and the
// exemplars of the histogram carry their trace. Other executions run in an
// unsampled trace, so instrumented clients don't report every ping.
//
// The package imports the OpenTelemetry API alone: it works with any SDK, and
// costs nothing without one.
package health
