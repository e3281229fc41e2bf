package console

import "github.com/otelmon/otelmon-go/console/store"

// failedPart is the place of the failed items in an operation's bar, at the end
// of what is done and never too small to be seen.
func failedPart(o store.Operation) bar {
	if !(o.Failed > 0 && o.Progress > 0) {
		return bar{}
	}
	end := float64(o.Progress) * barWidth
	b := bar{W: max(2*leastBar, end*float64(o.Failed/o.Done))}
	b.X = max(0, end-b.W)
	return b
}

// operationTone is that of the state, but green only for what has no failures.
func operationTone(o store.Operation) string {
	if o.State == store.StateCompleted && o.Failed > 0 {
		return "warn"
	}
	return tone(o.State)
}
