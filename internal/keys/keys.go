// Package keys holds the name of every instrument, attribute, event and span
// that otelmon emits, each written once. docs/telemetry.md gives their meaning.
package keys

// Instrumentation scopes.
const (
	Module           = "github.com/otelmon/otelmon-go"
	ScopeOtelmon     = Module + "/otelmon"
	ScopeExporters   = Module + "/exporters"
	ScopeHealth      = Module + "/health"
	ScopeHealthAlert = Module + "/health/alert"
	ScopeBulk        = Module + "/bulk"
)

// ErrorType is the OpenTelemetry attribute for the class of a failure.
const ErrorType = "error.type"

// Instruments and attributes of package otelmon.
const (
	OperationDuration = "otelmon.operation.duration"
	OperationName     = "otelmon.operation.name"

	CallbackFaults = "otelmon.callback.faults"
	CallbackScope  = "otelmon.callback.scope"

	EventStarted   = "otelmon.started"
	SettingNames   = "otelmon.setting.names" // three lists of equal length, for taps only
	SettingValues  = "otelmon.setting.values"
	SettingSources = "otelmon.setting.sources"
)

// Instruments and attributes of package exporters.
const (
	TelemetryCreated     = "otelmon.telemetry.created"
	TelemetryDelivered   = "otelmon.telemetry.delivered"
	TelemetryDropped     = "otelmon.telemetry.dropped"
	TelemetryPending     = "otelmon.telemetry.pending"
	TelemetryPendingSize = "otelmon.telemetry.pending.size"
	TelemetryPendingAge  = "otelmon.telemetry.pending.age"
	TelemetryStoreActive = "otelmon.telemetry.store.active"

	TelemetrySignal      = "otelmon.telemetry.signal"
	TelemetryDestination = "otelmon.telemetry.destination"
	TelemetryDropReason  = "otelmon.telemetry.drop.reason"
	TelemetryStore       = "otelmon.telemetry.store"
)

// Instruments of package health.
const (
	HealthStatus              = "health.status"
	HealthCheckStatus         = "health.check.status"
	HealthCheckSeverity       = "health.check.severity"
	HealthCheckDuration       = "health.check.duration"
	HealthCheckTransitions    = "health.check.transitions"
	HealthCheckLastCompletion = "health.check.last_completion.timestamp"
	HealthCheckLastSuccess    = "health.check.last_success.timestamp"
	HealthCheckFlapping       = "health.check.flapping"
	HealthCheckMuted          = "health.check.muted"
	HealthSchedulerLag        = "health.scheduler.lag"
)

// Attributes of package health.
const (
	HealthState              = "health.state"
	HealthCheckName          = "health.check.name"
	HealthCheckState         = "health.check.state"
	HealthCheckPreviousState = "health.check.previous_state"
	HealthCheckCritical      = "health.check.critical"
	HealthCheckReason        = "health.check.reason"  // events and spans only
	HealthCheckMessage       = "health.check.message" // events and spans only

	HealthCheckDependencies = "health.check.dependencies" // events and spans only
)

// Spans and events of package health.
const (
	SpanHealthCheck            = "health.check" // followed by the check's name
	EventHealthStateChanged    = "health.check.state_changed"
	EventHealthFlappingStarted = "health.check.flapping_started"
	EventHealthFlappingEnded   = "health.check.flapping_ended"
)

// Instruments and attributes of package alert.
const (
	HealthNotifications         = "health.notifications"
	HealthNotificationQueueSize = "health.notification.queue.size"
	HealthNotificationReceiver  = "health.notification.receiver"
)

// Instruments of package bulk.
const (
	BulkItems               = "bulk.items"
	BulkIO                  = "bulk.io"
	BulkOperationDuration   = "bulk.operation.duration"
	BulkOperationActive     = "bulk.operation.active"
	BulkOperationProgress   = "bulk.operation.progress"
	BulkOperationThroughput = "bulk.operation.throughput"
	BulkOperationETA        = "bulk.operation.eta"
	BulkOperationIdleTime   = "bulk.operation.idle.time"
	BulkStageTime           = "bulk.stage.time"
	BulkConcurrencyUsage    = "bulk.concurrency.usage"
	BulkConcurrencyLimit    = "bulk.concurrency.limit" // also an attribute of events
	BulkBatchLimit          = "bulk.batch.limit"       // also an attribute of events
	BulkThrottles           = "bulk.throttles"
	BulkItemFailures        = "bulk.item.failures"
	BulkItemRetries         = "bulk.item.retries"
)

// Attributes of package bulk. Those from BulkOperationID on stand on spans and
// events only: they would make too many metric series.
const (
	BulkOperationName   = "bulk.operation.name"
	BulkOperationResult = "bulk.operation.result" // completed, failed, canceled
	BulkItemOutcome     = "bulk.item.outcome"     // ok, failed, skipped
	BulkStageName       = "bulk.stage.name"
	BulkStageState      = "bulk.stage.state" // busy, wait_in, wait_out
	BulkVerdict         = "bulk.verdict"     // what limits the operation, in a sentence
	BulkVerdictLimit    = "bulk.verdict.limit"
	BulkOperationID     = "bulk.operation.id"
	BulkItemsTotal      = "bulk.items.total" // absent while unknown
	BulkItemsOK         = "bulk.items.ok"
	BulkItemsFailed     = "bulk.items.failed"
	BulkItemsSkipped    = "bulk.items.skipped"
	BulkItemsRetried    = "bulk.items.retried" // attempts, no items
	BulkBytes           = "bulk.bytes"
	BulkRate            = "bulk.rate"             // items per second
	BulkETASeconds      = "bulk.eta.seconds"      // absent while unknown
	BulkETALowSeconds   = "bulk.eta.low.seconds"  // tenth percentile
	BulkETAHighSeconds  = "bulk.eta.high.seconds" // ninetieth
	BulkIdleSeconds     = "bulk.idle.seconds"     // absent below ten seconds
	BulkSegmentIndex    = "bulk.segment.index"
	BulkChapterIndex    = "bulk.chapter.index" // from 1, the second hour
	BulkItemPosition    = "bulk.item.position" // in the source, from 0
	BulkLimitReason     = "bulk.limit.reason"

	BulkStageBusySeconds = "bulk.stage.busy.seconds" // added up over goroutines
)

// Spans and events of package bulk.
const (
	SpanBulk            = "bulk" // followed by the operation's name
	SpanBulkStarted     = "bulk.started"
	SpanBulkSegment     = "bulk.segment"
	SpanBulkChapter     = "bulk.chapter" // followed by the operation's name
	SpanBulkItem        = "bulk.item"    // of a slow one
	SpanBulkStage       = "bulk.stage"   // followed by the stage's name
	EventBulkStarted    = "bulk.operation.started"
	EventBulkProgress   = "bulk.operation.progress"
	EventBulkFinished   = "bulk.operation.finished"
	EventBulkItemFailed = "bulk.operation.item_failed"
	EventBulkStalled    = "bulk.operation.stalled"
	EventBulkResumed    = "bulk.operation.resumed"

	EventBulkLimitChanged = "bulk.operation.limit_changed"
)
