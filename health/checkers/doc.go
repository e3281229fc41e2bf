// Package checkers holds ready-made functions for [health.Check].
//
//	checks.Register(health.Check{Name: "postgres", Func: checkers.SQL(db), Critical: true})
//	checks.Register(health.Check{Name: "nats", Func: checkers.Connected(nc.IsConnected), Critical: true})
//	checks.Register(health.Check{Name: "disk", Func: checkers.All(
//		checkers.DiskSpace("/var/lib/shop", checkers.DiskSpaceOptions{}),
//		checkers.Inodes("/var/lib/shop", checkers.ShareLimits{}),
//	)})
//
// They take what the application already has, its pool, its client, its
// connection, and never an address with a password: a connection of the check's
// own would say nothing about the application's, and checks that dial are known
// to use up a server. [TCP] and [Certificate] can't but dial, and close what they
// have opened.
//
// # What there is
//
//	SQL, Ping, Connected            a database, a pool, a message broker
//	HTTP, TCP, DNS, Certificate     another service, and the way to it
//	DiskSpace, Inodes, FileAge      files
//	Memory, Goroutines, FileDescriptors, GCPause, SchedulerLatency
//	                                the process and its limits
//	Lock, Heartbeat                 whether something in the process goes on
//	QueueDepth, ClockOffset         figures that the application knows
//	Delivery                        whether telemetry arrives
//	All, AtLeast, Slow              checks made of checks
//
// # Thresholds
//
// The zero value of options and [Limits] means defaults that suit most programs;
// where none could, the text says so. Options that make no sense make a check
// that fails each time and says why, so the fault shows where one looks for it.
// Figures become details of the result, see [health.Detail].
//
// All functions are safe for concurrent use. They obey their context unless the
// text says otherwise, and leave neither goroutine nor connection behind, but for
// those that an HTTP client keeps for the next time.
package checkers
