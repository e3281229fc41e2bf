package store

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
	StateRunning   = "running"
	StateCompleted = "completed"
	StateFailed    = "failed"
	StateCanceled  = "canceled"
)

// Operation is one run of a bulk operation.
type Operation struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	State    string     `json:"state"` // running, completed, failed, canceled
	Started  time.Time  `json:"started"`
	Updated  time.Time  `json:"updated"` // when the counts, progress and rate were taken, all at once
	Ended    *time.Time `json:"ended"`   // null while it runs
	Seconds  Number     `json:"duration_seconds"`
	Total    Number     `json:"total"` // null while unknown
	OK       Number     `json:"ok"`
	Failed   Number     `json:"failed"`
	Skipped  Number     `json:"skipped"`
	Done     Number     `json:"done"` // ok, failed and skipped
	Bytes    Number     `json:"bytes"`
	Progress Number     `json:"progress"`         // 0 to 1; null while the total is unknown
	Rate     Number     `json:"rate"`             // items per second, over the whole run once it has ended; null while unknown
	ETA      Number     `json:"eta_seconds"`      // null while unknown and after the end
	ETALow   Number     `json:"eta_low_seconds"`  // the tenth percentile, null like the next when it is not known
	ETAHigh  Number     `json:"eta_high_seconds"` // the ninetieth
	Stage    string     `json:"stage"`            // empty when none is running
	Message  string     `json:"message"`          // the last report, a sentence; empty where the counts are younger
	Verdict  string     `json:"verdict"`          // what limits it, in a sentence; empty while nothing is clear
	TraceID  string     `json:"trace_id"`
	SpanID   string     `json:"span_id"`

	Failures []Failure `json:"failures"` // newest first, a sample
}

// Failure is one item of an operation that failed.
type Failure struct {
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
	byID    map[string]*Operation
	max     int
	dropped uint64
}

func newOperationTable(budget int) *operationTable {
	return &operationTable{byID: map[string]*Operation{}, max: budget / operationBytes}
}

// at returns the operation with this id and makes it when it is new, unless
// the table is full of running ones.
func (t *operationTable) at(id string, now time.Time) *Operation {
	id = strings.Clone(CleanLine(Cut(id, maxFact)))
	if op := t.byID[id]; op != nil {
		return op
	}
	if len(t.byID) >= t.max && !t.evict() {
		t.dropped++
		return nil
	}
	op := &Operation{
		ID: id, State: StateRunning, Started: now, Updated: now,
		Total: Unknown(), Rate: Unknown(), ETA: Unknown(), ETALow: Unknown(), ETAHigh: Unknown(),
	}
	t.byID[id] = op
	return op
}

// evict forgets the operation that ended first.
func (t *operationTable) evict() bool {
	var oldest *Operation
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
	if op.State == StateRunning {
		op.State = StateCompleted
		if s.Status().Code == codes.Error {
			op.State = StateFailed
		}
	}
	if op.Message == "" {
		op.Message = Clean(Cut(s.Status().Description, maxFact))
	}
	op.end(s.EndTime())
}

func (t *operationTable) learn(s sdktrace.ReadOnlySpan, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learnLocked(s, at)
}

func (t *operationTable) learnLocked(s sdktrace.ReadOnlySpan, at time.Time) *Operation {
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
		op.Name = CleanLine(Cut(strings.TrimPrefix(s.Name(), keys.SpanBulk+" "), maxFact))
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
	message := textOf(r.Body())
	if op.TraceID == "" && r.TraceID().IsValid() {
		op.TraceID, op.SpanID = r.TraceID().String(), r.SpanID().String()
	}
	if r.EventName() == keys.EventBulkItemFailed {
		op.fail(Failure{Time: at, Message: message, TraceID: hexID(traceBytes(r))})
		return
	}
	if op.Ended != nil {
		return
	}
	op.Updated, op.Message = at, message
	op.forgetETA() // no event has it but the one that brings it
	r.WalkAttributes(func(kv attribute.KeyValue) bool { op.set(kv); return true })
	if r.EventName() == keys.EventBulkFinished {
		if op.State == StateRunning {
			op.State = StateCompleted
		}
		op.end(at)
	}
}

func traceBytes(r *sdklog.Record) string {
	id := r.TraceID()
	return string(id[:])
}

func (o *Operation) fail(f Failure) {
	o.Failures = slices.Insert(o.Failures, 0, f)
	o.Failures = o.Failures[:min(len(o.Failures), maxFailures)]
}

func (o *Operation) end(at time.Time) {
	if o.Ended == nil {
		o.Ended = &at
	}
	o.forgetETA()
}

func (o *Operation) forgetETA() { o.ETA, o.ETALow, o.ETAHigh = Unknown(), Unknown(), Unknown() }

// set takes in one attribute of a span or an event.
func (o *Operation) set(kv attribute.KeyValue) {
	v := kv.Value
	switch string(kv.Key) {
	case keys.BulkOperationName:
		o.Name = strings.Clone(CleanLine(textOf(v)))
	case keys.BulkOperationResult:
		if r := v.String(); r == StateFailed || r == StateCanceled || r == StateCompleted {
			o.State = r
		}
	case keys.BulkItemsTotal:
		o.Total = Number(numberOf(v))
	case keys.BulkItemsOK:
		o.OK = Number(numberOf(v))
	case keys.BulkItemsFailed:
		o.Failed = Number(numberOf(v))
	case keys.BulkItemsSkipped:
		o.Skipped = Number(numberOf(v))
	case keys.BulkBytes:
		o.Bytes = Number(numberOf(v))
	case keys.BulkRate:
		o.Rate = Number(numberOf(v))
	case keys.BulkVerdict:
		o.Verdict = strings.Clone(CleanLine(textOf(v)))
	case keys.BulkETASeconds:
		o.ETA = Number(numberOf(v))
	case keys.BulkETALowSeconds:
		o.ETALow = Number(numberOf(v))
	case keys.BulkETAHighSeconds:
		o.ETAHigh = Number(numberOf(v))
	}
}

// settle fills in what follows from the rest.
func (o *Operation) settle(now time.Time) {
	end := now
	if o.Ended != nil {
		end = *o.Ended
	} else {
		passed := Number(now.Sub(o.Updated).Seconds())
		o.ETA, o.ETALow, o.ETAHigh = max(0, o.ETA-passed), max(0, o.ETALow-passed), max(0, o.ETAHigh-passed)
	}
	o.Seconds = Number(max(0, end.Sub(o.Started).Seconds()))
	o.add()
	if o.Ended != nil && o.Seconds > 0 {
		o.Rate = (o.OK + o.Failed) / o.Seconds // a skipped item is no work
	}
	if o.Failures == nil {
		o.Failures = []Failure{}
	}
}

// add makes the sums of the counts.
func (o *Operation) add() {
	o.Done = o.OK + o.Failed + o.Skipped
	o.Progress = Unknown()
	if o.Total > 0 {
		o.Progress = min(1, o.Done/o.Total)
	}
}

// OperationList is the bulk operations that are kept.
type OperationList struct {
	AsOf       time.Time   `json:"as_of"`
	Operations []Operation `json:"operations"` // running ones first, then the newest first
	Running    int         `json:"running"`
	Total      int         `json:"total"`
	Truncated  bool        `json:"truncated"`
}

// Operations returns at most limit operations.
func (st *Store) Operations(limit int) OperationList {
	st.metrics.fresh()
	now := time.Now()
	answer := OperationList{AsOf: now, Operations: st.operations.list(now)}
	for _, op := range answer.Operations {
		if op.Ended == nil {
			answer.Running++
		}
	}
	stages := st.stages()
	for i := range answer.Operations {
		op := &answer.Operations[i]
		if op.Ended != nil {
			continue
		}
		op.Stage = stages[op.SpanID]
		st.sharpen(op, answer.Operations)
	}
	answer.Total = len(answer.Operations)
	answer.Operations, answer.Truncated = limited(answer.Operations, limit)
	return answer
}

func (t *operationTable) list(now time.Time) []Operation {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Operation, 0, len(t.byID))
	for _, op := range t.byID {
		o := *op
		o.Failures = slices.Clone(op.Failures)
		o.settle(now)
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Operation) int {
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
func (st *Store) stages() map[string]string {
	stages := map[string]string{}
	for _, s := range st.spans.unfinished() {
		if name, ok := strings.CutPrefix(s.Name(), keys.SpanBulkStage+" "); ok {
			stages[s.Parent().SpanID().String()] = CleanLine(Cut(name, maxFact))
		}
	}
	return stages
}

func (t *operationTable) usage() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Usage{
		Name: "bulk operations", Kept: len(t.byID), Dropped: t.dropped,
		Bytes: len(t.byID) * operationBytes, MaxBytes: t.max * operationBytes,
	}
}
