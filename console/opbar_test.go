package console

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelmon/otelmon-go/console/store"
	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestFailuresOfACompletedOperationShow(t *testing.T) {
	r := newRig(t, Options{})
	for name, failed := range map[string]int{"clean": 0, "holes": 148} {
		_, s := r.Bulk(t.Context(), "bulk "+name, attribute.String(keys.BulkOperationID, name), attribute.Int(keys.BulkItemsTotal, 20_000),
			attribute.Int(keys.BulkItemsOK, 20_000-failed), attribute.Int(keys.BulkItemsFailed, failed), attribute.String(keys.BulkOperationResult, store.StateCompleted))
		s.End()
	}
	body := get(r.Handler(), "/operations").Body.String()
	for want, n := range map[string]int{
		`<article class="op good" `: 1, `<article class="op warn" `: 1, ">Completed</span>": 2, "148 failed</span>": 1,
		`<rect x="992.6" width="7.4" height="10" class="bad"/>`: 1,
	} {
		if got := strings.Count(body, want); got != n {
			t.Errorf("%s: %d times, want %d", want, got, n)
		}
	}
}

func TestFailedPartIsAtTheEndAndVisible(t *testing.T) {
	for _, tc := range []struct {
		op   store.Operation
		want bar
	}{
		{store.Operation{Done: 50, Progress: 0.5}, bar{}},
		{store.Operation{Failed: 10, Done: 50, Progress: 0.5}, bar{X: 400, W: 100}},
		{store.Operation{Failed: 1, Done: 1e6, Progress: 1}, bar{X: 994, W: 6}},
		{store.Operation{Failed: 1, Done: 1, Progress: 0.001}, bar{X: 0, W: 6}},
		{store.Operation{Failed: 1, Done: 1, Progress: store.Unknown()}, bar{}},
	} {
		if got := failedPart(tc.op); got != tc.want {
			t.Errorf("%+v: %v, want %v", tc.op, got, tc.want)
		}
	}
}
