package diagnosis

import (
	"cmp"
	"fmt"

	"github.com/otelmon/otelmon-go/console/store"
)

// failedOperations finds bulk operations that ended with an error.
func failedOperations(s *snapshot) []*finding {
	var found []*finding
	for i := range s.operations {
		o := &s.operations[i]
		if o.State != store.StateFailed || o.Ended == nil || o.Ended.Before(s.from) {
			continue
		}
		text := cut(fmt.Sprintf("operation %s failed: %s", o.Name, cmp.Or(o.Message, "no reason was given")), maxText)
		f := &finding{Finding{
			Kind: KindOperationFailed, Component: cut(o.Name, maxComponent), Severity: Warning, FirstSeen: *o.Ended, Confidence: 0.9,
			Summary: text, Cause: text, Consequences: []string{},
			Evidence: []Evidence{{
				Type: ByOperation, Ref: o.ID, Value: o.Failed, Baseline: store.Unknown(), At: *o.Ended,
				Text: fmt.Sprintf("%.0f ok, %.0f failed, %.0f skipped", o.OK, o.Failed, o.Skipped),
			}},
			Next: []Step{{Tool: "list_operations", Arguments: map[string]any{"state": store.StateFailed}, Reason: "the operation with its failures"}},
		}}
		if o.TraceID != "" {
			f.Next = append(f.Next, Step{Tool: "get_trace", Arguments: map[string]any{"trace_id": o.TraceID}, Reason: "the trace of the operation"})
		}
		found = append(found, f)
	}
	return found
}
