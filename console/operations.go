package console

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

const bulkEvents = "bulk.operation."

// States of an operation. All but running are results that package bulk names.
const (
	stateRunning   = "running"
	stateCompleted = "completed"
	stateFailed    = "failed"
	stateCanceled  = "canceled"
)

// operation is one run of a bulk operation.
type operation struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	State    string     `json:"state"` // running, completed, failed, canceled
	Started  time.Time  `json:"started"`
	Updated  time.Time  `json:"updated"` // when the counts, progress and rate were taken, all at once
	Ended    *time.Time `json:"ended"`   // null while it runs
	Seconds  number     `json:"duration_seconds"`
	Total    number     `json:"total"` // null while unknown
	OK       number     `json:"ok"`
	Failed   number     `json:"failed"`
	Skipped  number     `json:"skipped"`
	Done     number     `json:"done"` // ok, failed and skipped
	Bytes    number     `json:"bytes"`
	Progress number     `json:"progress"`    // 0 to 1; null while the total is unknown
	Rate     number     `json:"rate"`        // items per second, over the whole run once it has ended; null while unknown
	ETA      number     `json:"eta_seconds"` // null while unknown and after the end
	Stage    string     `json:"stage"`       // empty when none is running
	Message  string     `json:"message"`     // the last report, a sentence; empty where the counts are younger
	Verdict  string     `json:"verdict"`     // what limits it, in a sentence; empty while nothing is clear
	TraceID  string     `json:"trace_id"`
	SpanID   string     `json:"span_id"`

	Failures []operationFailure `json:"failures"` // newest first, a sample
}

type operationFailure struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
	TraceID string    `json:"trace_id"`
}

// Limits of the operation table: one operation takes at most operationBytes.
const (
	operationBytes = 4 << 10
	maxFailures    = 5
	maxFact        = 512 // bytes of a name, an id or a message
)

// operationTable keeps what is known about each operation, however much
// telemetry comes after it.
type operationTable struct {
	mu      sync.Mutex
	byID    map[string]*operation
	max     int
	dropped uint64
}

func newOperationTable(budget int) *operationTable {
	return &operationTable{byID: map[string]*operation{}, max: budget / operationBytes}
}

// at returns the operation with this id and makes it when it is new, unless
// the table is full of running ones.
func (t *operationTable) at(id string, now time.Time) *operation {
	id = strings.Clone(cleanLine(cut(id, maxFact)))
	if op := t.byID[id]; op != nil {
		return op
	}
	if len(t.byID) >= t.max && !t.evict() {
		t.dropped++
		return nil
	}
	op := &operation{
		ID: id, State: stateRunning, Started: now, Updated: now,
		Total: unknown(), Rate: unknown(), ETA: unknown(),
	}
	t.byID[id] = op
	return op
}

// evict forgets the operation that ended first.
func (t *operationTable) evict() bool {
	var oldest *operation
	for _, op := range t.byID {
		if op.Ended != nil && (oldest == nil || op.Ended.Before(*oldest.Ended)) {
			oldest = op
		}
	}
	if oldest == nil {
		return false
	}
	delete(t.byID, oldest.ID)
	t.dropped++
	return true
}

// isOperation tells the span of an operation from its segments and stages.
func isOperation(s sdktrace.ReadOnlySpan) bool {
	return strings.HasPrefix(s.Name(), keys.SpanBulk+" ")
}

func (t *operationTable) spanStarted(s sdktrace.ReadOnlySpan) {
	if !isOperation(s) {
		return
	}
	t.learn(s, time.Now())
}

func (t *operationTable) spanEnded(s sdktrace.ReadOnlySpan) {
	if !isOperation(s) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	op := t.learnLocked(s, s.EndTime())
	if op == nil {
		return
	}
	if op.State == stateRunning {
		op.State = stateCompleted
		if s.Status().Code == codes.Error {
			op.State = stateFailed
		}
	}
	if op.Message == "" {
		op.Message = clean(cut(s.Status().Description, maxFact))
	}
	op.end(s.EndTime())
}

func (t *operationTable) learn(s sdktrace.ReadOnlySpan, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learnLocked(s, at)
}

func (t *operationTable) learnLocked(s sdktrace.ReadOnlySpan, at time.Time) *operation {
	attrs := s.Attributes()
	id := s.SpanContext().SpanID().String()
	for _, kv := range attrs {
		if kv.Key == keys.BulkOperationID {
			id = kv.Value.String()
		}
	}
	op := t.at(id, at)
	if op == nil {
		return nil
	}
	if op.Name == "" {
		op.Name = cleanLine(cut(strings.TrimPrefix(s.Name(), keys.SpanBulk+" "), maxFact))
	}
	op.Started, op.Updated = s.StartTime(), at
	op.TraceID, op.SpanID = s.SpanContext().TraceID().String(), s.SpanContext().SpanID().String()
	for _, kv := range attrs {
		op.set(kv)
	}
	return op
}

// reported takes in a log event of package bulk.
func (t *operationTable) reported(r *sdklog.Record) {
	var id string
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		if kv.Key == keys.BulkOperationID {
			id = kv.Value.String()
		}
		return id == ""
	})
	at := cmp.Or(r.Timestamp(), r.ObservedTimestamp())
	t.mu.Lock()
	defer t.mu.Unlock()
	op := t.at(cmp.Or(id, r.SpanID().String()), at)
	if op == nil {
		return
	}
	message := textOf(r.Body(), maxFact)
	if op.TraceID == "" && r.TraceID().IsValid() {
		op.TraceID, op.SpanID = r.TraceID().String(), r.SpanID().String()
	}
	if r.EventName() == keys.EventBulkItemFailed {
		op.fail(operationFailure{Time: at, Message: message, TraceID: hexID(traceBytes(r))})
		return
	}
	if op.Ended != nil {
		return
	}
	op.Updated, op.Message = at, message
	op.ETA = unknown() // no event but the one that brings it
	r.WalkAttributes(func(kv attribute.KeyValue) bool { op.set(kv); return true })
	if r.EventName() == keys.EventBulkFinished {
		if op.State == stateRunning {
			op.State = stateCompleted
		}
		op.end(at)
	}
}

func traceBytes(r *sdklog.Record) string {
	id := r.TraceID()
	return string(id[:])
}

func (o *operation) fail(f operationFailure) {
	o.Failures = slices.Insert(o.Failures, 0, f)
	o.Failures = o.Failures[:min(len(o.Failures), maxFailures)]
}

func (o *operation) end(at time.Time) {
	if o.Ended == nil {
		o.Ended = &at
	}
	o.ETA = unknown()
}

// set takes in one attribute of a span or an event.
func (o *operation) set(kv attribute.KeyValue) {
	v := kv.Value
	switch string(kv.Key) {
	case keys.BulkOperationName:
		o.Name = strings.Clone(cleanLine(textOf(v, maxFact)))
	case keys.BulkOperationResult:
		if r := v.String(); r == stateFailed || r == stateCanceled || r == stateCompleted {
			o.State = r
		}
	case keys.BulkItemsTotal:
		o.Total = number(numberOf(v))
	case keys.BulkItemsOK:
		o.OK = number(numberOf(v))
	case keys.BulkItemsFailed:
		o.Failed = number(numberOf(v))
	case keys.BulkItemsSkipped:
		o.Skipped = number(numberOf(v))
	case keys.BulkBytes:
		o.Bytes = number(numberOf(v))
	case keys.BulkRate:
		o.Rate = number(numberOf(v))
	case keys.BulkVerdict:
		o.Verdict = strings.Clone(cleanLine(textOf(v, maxFact)))
	case keys.BulkETASeconds:
		o.ETA = number(numberOf(v))
	}
}

// settle fills in what follows from the rest.
func (o *operation) settle(now time.Time) {
	end := now
	if o.Ended != nil {
		end = *o.Ended
	} else {
		o.ETA = max(0, o.ETA-number(now.Sub(o.Updated).Seconds()))
	}
	o.Seconds = number(max(0, end.Sub(o.Started).Seconds()))
	o.add()
	if o.Ended != nil && o.Seconds > 0 {
		o.Rate = (o.OK + o.Failed) / o.Seconds // a skipped item is no work
	}
	if o.Failures == nil {
		o.Failures = []operationFailure{}
	}
}

// FailedPart is the place of the failed items in the operation's bar, at the
// end of what is done and never too small to be seen.
func (o operation) FailedPart() bar {
	if !(o.Failed > 0 && o.Progress > 0) {
		return bar{}
	}
	end := float64(o.Progress) * barWidth
	b := bar{W: max(2*leastBar, end*float64(o.Failed/o.Done))}
	b.X = max(0, end-b.W)
	return b
}

// Tone is that of the state, but green only for what has no failures.
func (o operation) Tone() string {
	if o.State == stateCompleted && o.Failed > 0 {
		return "warn"
	}
	return tone(o.State)
}

// add makes the sums of the counts.
func (o *operation) add() {
	o.Done = o.OK + o.Failed + o.Skipped
	o.Progress = unknown()
	if o.Total > 0 {
		o.Progress = min(1, o.Done/o.Total)
	}
}

type operationList struct {
	AsOf       time.Time   `json:"as_of"`
	Operations []operation `json:"operations"` // running ones first, then the newest first
	Running    int         `json:"running"`
	Total      int         `json:"total"`
	Truncated  bool        `json:"truncated"`
}

func (c *Console) bulkOperations(limit int) operationList {
	c.metrics.fresh()
	now := time.Now()
	answer := operationList{AsOf: now, Operations: c.operations.list(now)}
	for _, op := range answer.Operations {
		if op.Ended == nil {
			answer.Running++
		}
	}
	stages := c.stages()
	for i := range answer.Operations {
		op := &answer.Operations[i]
		if op.Ended != nil {
			continue
		}
		op.Stage = stages[op.SpanID]
		c.sharpen(op, answer.Operations)
	}
	answer.Total = len(answer.Operations)
	if answer.Truncated = answer.Total > limit; answer.Truncated {
		answer.Operations = answer.Operations[:limit]
	}
	return answer
}

func (t *operationTable) list(now time.Time) []operation {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]operation, 0, len(t.byID))
	for _, op := range t.byID {
		o := *op
		o.Failures = slices.Clone(op.Failures)
		o.settle(now)
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b operation) int {
		if aRuns, bRuns := a.Ended == nil, b.Ended == nil; aRuns != bRuns {
			if aRuns {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Started.Compare(a.Started), strings.Compare(a.ID, b.ID))
	})
	return list
}

// stages returns the running stage of each operation by the operation's span.
func (c *Console) stages() map[string]string {
	stages := map[string]string{}
	for _, s := range c.spans.unfinished() {
		if name, ok := strings.CutPrefix(s.Name(), keys.SpanBulkStage+" "); ok {
			stages[s.Parent().SpanID().String()] = cleanLine(cut(name, maxFact))
		}
	}
	return stages
}

func (t *operationTable) usage() usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return usage{
		Name: "bulk operations", Kept: len(t.byID), Dropped: t.dropped,
		Bytes: len(t.byID) * operationBytes, MaxBytes: t.max * operationBytes,
	}
}
