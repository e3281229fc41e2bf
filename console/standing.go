package console

import (
	"math"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// standing is what one collection of metrics says about all operations of one
// name, those that have ended included.
type standing struct {
	at                         time.Time
	ok, failed, skipped, bytes number
	progress, rate, eta        number // of those that run
}

// standing reads everything under one lock, so that it is of one moment.
func (m *metricStore) standing(name string) standing {
	m.mu.Lock()
	defer m.mu.Unlock()
	st := standing{at: m.at, progress: unknown(), rate: unknown(), eta: unknown()}
	for key, s := range m.series {
		if key.scope != keys.ScopeBulk || !m.current(s) || s.attributes.get(keys.BulkOperationName) != name {
			continue
		}
		if to := st.field(key.name, s.attributes.get(keys.BulkItemOutcome)); to != nil {
			*to = number(s.now.value)
		}
	}
	return st
}

// field returns where the value of an instrument goes, nil for others.
func (st *standing) field(instrument, outcome string) *number {
	switch instrument {
	case keys.BulkItems:
		return map[string]*number{"ok": &st.ok, "failed": &st.failed, "skipped": &st.skipped}[outcome]
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
func (c *Console) sharpen(op *operation, all []operation) {
	st := c.metrics.standing(op.Name)
	for i := range all {
		o := &all[i]
		if o.ID == op.ID || o.Name != op.Name {
			continue
		}
		if o.Ended == nil {
			return
		}
		st.ok, st.failed, st.skipped, st.bytes = st.ok-o.OK, st.failed-o.Failed, st.skipped-o.Skipped, st.bytes-o.Bytes
	}
	agrees := number(math.Round(float64(st.progress*op.Total))) == st.ok+st.failed+st.skipped
	grows := st.ok >= op.OK && st.failed >= op.Failed && st.skipped >= op.Skipped && st.bytes >= op.Bytes
	if !agrees || !grows || !st.at.After(op.Updated) {
		return
	}
	op.OK, op.Failed, op.Skipped, op.Bytes = st.ok, st.failed, st.skipped, st.bytes
	op.Rate, op.ETA, op.Updated, op.Message = st.rate, st.eta, st.at, ""
	op.add()
}
