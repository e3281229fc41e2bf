package store

import (
	"math"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// standing is what one collection of metrics says about all operations of one
// name, those that have ended included.
type standing struct {
	at                         time.Time
	ok, failed, skipped, bytes Number
	progress, rate, eta        Number // of those that run
}

// standing reads everything under one lock, so that it is of one moment.
func (m *metricStore) standing(name string) standing {
	m.mu.Lock()
	defer m.mu.Unlock()
	st := standing{at: m.at, progress: Unknown(), rate: Unknown(), eta: Unknown()}
	for key, s := range m.series {
		if key.scope != keys.ScopeBulk || !m.current(s) || s.attributes.Get(keys.BulkOperationName) != name {
			continue
		}
		if to := st.field(key.name, s.attributes.Get(keys.BulkItemOutcome)); to != nil {
			*to = Number(s.now.value)
		}
	}
	return st
}

// field returns where the value of an instrument goes, nil for others.
func (st *standing) field(instrument, outcome string) *Number {
	switch instrument {
	case keys.BulkItems:
		return map[string]*Number{"ok": &st.ok, "failed": &st.failed, "skipped": &st.skipped}[outcome]
	case keys.BulkIO:
		return &st.bytes
	case keys.BulkOperationProgress:
		return &st.progress
	case keys.BulkOperationThroughput:
		return &st.rate
	case keys.BulkOperationETA:
		return &st.eta
	default:
		return nil
	}
}

// sharpen replaces what the last event said by the metrics, which are younger:
// events of a long operation are minutes apart. Metrics carry no id, so what is
// left after all others of the name is taken only when the gauge of progress,
// which knows nothing of the past, agrees with it. All is replaced or nothing.
func (st *Store) sharpen(op *Operation, all []Operation) {
	now := st.metrics.standing(op.Name)
	for i := range all {
		o := &all[i]
		if o.ID == op.ID || o.Name != op.Name {
			continue
		}
		if o.Ended == nil {
			return
		}
		now.ok, now.failed, now.skipped, now.bytes = now.ok-o.OK, now.failed-o.Failed, now.skipped-o.Skipped, now.bytes-o.Bytes
	}
	agrees := Number(math.Round(float64(now.progress*op.Total))) == now.ok+now.failed+now.skipped
	grows := now.ok >= op.OK && now.failed >= op.Failed && now.skipped >= op.Skipped && now.bytes >= op.Bytes
	if !agrees || !grows || !now.at.After(op.Updated) {
		return
	}
	op.OK, op.Failed, op.Skipped, op.Bytes = now.ok, now.failed, now.skipped, now.bytes
	op.shiftETA(now.eta)
	op.Rate, op.Updated, op.Message = now.rate, now.at, ""
	op.add()
}

// shiftETA takes in a younger estimate; its band, which only events tell, keeps
// its distance.
func (o *Operation) shiftETA(eta Number) {
	by := eta - o.ETA
	o.ETA, o.ETALow, o.ETAHigh = eta, max(0, o.ETALow+by), max(0, o.ETAHigh+by)
}
