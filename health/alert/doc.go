// Package alert tells people when health checks fail: over Alertmanager, a
// webhook, Slack or the log.
//
//	alerts, err := alert.Start(ctx, checks, alert.Options{Receivers: []alert.Receiver{
//		alert.Alertmanager("http://alertmanager-1:9093", "http://alertmanager-2:9093"),
//		alert.Slack(os.Getenv("SLACK_WEBHOOK")),
//	}})
//	...
//	defer alerts.Shutdown(ctx)
//
// # What is told
//
// An alert is about one check that is unhealthy, degraded, stale or flapping. It
// starts when that has lasted [Options.Hold], ends as soon as the check is
// healthy, and changes its name if the check goes wrong in another way for as
// long. A check that has no result yet causes none, unless that takes longer
// than its Grace and TTL. A flapping check causes one, for as long as it flaps.
//
// Of checks that fail because another one does ([health.Result.SuppressedBy])
// only that one is told; its alert lists them, and is critical if one of them
// is. While a check is muted (so, in maintenance or paused) no alert about it
// starts, changes or is reminded of. One that is firing already stays what it is:
// it ends when the check is healthy or removed, and goes on if the check still
// fails when it is no longer muted. Shutting the registry down ends nothing.
//
// # How it is told
//
// Each receiver has a worker and its newest knowledge, no history: whatever
// changed while it could not be reached, it is told how things stand. An alert
// counts as told when the receiver has said so. Until then it is sent again,
// after pauses of 1 s to 2 min, or the one that the receiver asked for by
// Retry-After. What it refuses (a status from 300 to 499 other than 408 and 429)
// is sent again when it changes, or after 15 min. A receiver that hangs, fails or
// panics delays nobody else. What fails for the first time is reported to
// OpenTelemetry's error handler, and every attempt is counted:
//
//	health.notifications           {notification}, counter (health.notification.receiver, error.type)
//	health.notification.queue.size {notification}, updowncounter (health.notification.receiver)
//
// A request may take 10 s and follows no redirect. Nothing is sent to link-local
// addresses or those where clouds keep credentials, whatever name leads there;
// behind a proxy (HTTP_PROXY and the like) it is the proxy's address that is
// looked at. URLs are in no error and no telemetry, but for their host.
//
// # What is not told
//
// A process that is dead, or has no network, tells nothing. That is for
// Prometheus to notice: [WriteRules] makes its alert rules out of the registered
// checks, and [WriteRuleTests] their unit tests. Both ways lead to the same
// alerts, so use them together. Silences, routing and inhibition are
// Alertmanager's.
package alert
