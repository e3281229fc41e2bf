package bulk

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// announceLimits shows what the pilot knows, and tells of its decisions.
func (r *runner[T]) announceLimits() {
	e, reason, turn := r.pilot.evidence()
	r.op.evidence.Store(&e)
	if r.told.Swap(int64(turn)) >= int64(turn) {
		return
	}
	r.op.event(keys.EventBulkLimitChanged, time.Now(), log.SeverityInfo, r.op.name+": "+reason,
		append(r.op.identity(),
			attribute.Int(keys.BulkConcurrencyLimit, e.limit),
			attribute.Int(keys.BulkBatchLimit, e.batch),
			attribute.String(keys.BulkLimitReason, reason))...)
}
