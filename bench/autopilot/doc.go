// Package autopilot lets bulk.Run and its rivals look for the best concurrency on
// simulated backends, in virtual time. Its tests print the table; make simulate
// runs them. The limiter of failsafe-go is the real one; AIMD, Vegas and Gradient2
// follow Netflix's concurrency-limits, with its window of a second, and hill
// climbing follows the thread pool of .NET with its defaults.
package autopilot
