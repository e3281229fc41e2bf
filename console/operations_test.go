package console

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestOperationFromStartToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		base := []attribute.KeyValue{
			attribute.String(keys.BulkOperationName, "import"), attribute.String(keys.BulkOperationID, "42"), attribute.Int(keys.BulkItemsTotal, 200),
		}
		ctx, s := r.bulk(t.Context(), "bulk import", base...)
		_, stage := r.bulk(ctx, "bulk.stage parse")
		_, segment := r.bulk(ctx, "bulk.segment", base...)
		time.Sleep(10 * time.Second) //nolint:forbidigo // synctest's clock
		r.log(ctx, log.SeverityInfo, keys.EventBulkProgress, "half way", append(base,
			attribute.Int(keys.BulkItemsOK, 90), attribute.Int(keys.BulkItemsFailed, 10), attribute.Float64(keys.BulkRate, 10), attribute.Float64(keys.BulkETASeconds, 10))...)
		r.log(ctx, log.SeverityWarn, keys.EventBulkItemFailed, "row 7: no name", base...)
		time.Sleep(4 * time.Second) //nolint:forbidigo // synctest's clock

		list := r.bulkOperations(10)
		if len(list.Operations) != 1 || list.Running != 1 {
			t.Fatalf("%+v", list)
		}
		op := list.Operations[0]
		if op.Name != "import" || op.State != stateRunning || op.Done != 100 || op.Progress != 0.5 || op.Rate != 10 ||
			op.Stage != "parse" || op.TraceID != traceID(s).String() || op.Seconds != 14 {
			t.Errorf("%+v", op)
		}
		if op.ETA != 6 {
			t.Errorf("ETA %v, want the event's 10 s less the 4 s since", op.ETA)
		}
		if len(op.Failures) != 1 || op.Failures[0].Message != "row 7: no name" || op.Message != "half way" {
			t.Errorf("%+v", op)
		}
		segment.End()
		stage.End()
		time.Sleep(6 * time.Second) //nolint:forbidigo // synctest's clock
		s.SetAttributes(attribute.Int(keys.BulkItemsOK, 190), attribute.Int(keys.BulkItemsFailed, 10), attribute.String(keys.BulkOperationResult, stateCompleted))
		s.End()
		op = r.bulkOperations(10).Operations[0]
		if op.State != stateCompleted || op.Ended == nil || op.Progress != 1 || op.Rate != 10 || op.ETA.known() || op.Stage != "" {
			t.Errorf("%+v", op)
		}
	})
}

func TestOperationFailsWithItsSpan(t *testing.T) {
	r := newRig(t, Options{})
	_, s := r.bulk(t.Context(), "bulk import", attribute.String(keys.BulkOperationID, "1"))
	s.SetStatus(codes.Error, "disk full")
	s.End()
	if op := r.bulkOperations(10).Operations[0]; op.State != stateFailed || op.Message != "disk full" || op.Name != "import" {
		t.Errorf("%+v", op)
	}
}

func TestOperationTableForgetsTheFirstToEndNeverARunningOne(t *testing.T) {
	r := newRig(t, Options{MaxBytes: leastBytes})
	_, running := r.bulk(t.Context(), "bulk long", attribute.String(keys.BulkOperationID, "long"))
	defer running.End()
	for i := range 3 * r.operations.max {
		_, s := r.bulk(t.Context(), "bulk short", attribute.String(keys.BulkOperationID, strconv.Itoa(i)))
		s.End()
	}
	list := r.bulkOperations(maxLimit)
	if list.Total != r.operations.max || list.Operations[0].Name != "long" || list.Running != 1 {
		t.Errorf("%d of at most %d, first %q", list.Total, r.operations.max, list.Operations[0].Name)
	}
	if u := r.operations.usage(); u.Dropped == 0 {
		t.Error("drops are not counted")
	}
	if short := r.bulkOperations(3); len(short.Operations) != 3 || !short.Truncated {
		t.Errorf("limit: %d, truncated %v", len(short.Operations), short.Truncated)
	}
}

func TestFailuresOfACompletedOperationShow(t *testing.T) {
	r := newRig(t, Options{})
	for name, failed := range map[string]int{"clean": 0, "holes": 148} {
		_, s := r.bulk(t.Context(), "bulk "+name, attribute.String(keys.BulkOperationID, name), attribute.Int(keys.BulkItemsTotal, 20_000),
			attribute.Int(keys.BulkItemsOK, 20_000-failed), attribute.Int(keys.BulkItemsFailed, failed), attribute.String(keys.BulkOperationResult, stateCompleted))
		s.End()
	}
	body := get(r.Handler(), "/operations").Body.String()
	for want, n := range map[string]int{
		`<article class="op good">`: 1, `<article class="op warn">`: 1, ">Completed</span>": 2, "148 failed</span>": 1,
		`<rect x="992.6" width="7.4" height="10" class="bad"/>`: 1,
	} {
		if got := strings.Count(body, want); got != n {
			t.Errorf("%s: %d times, want %d", want, got, n)
		}
	}
}

func TestFailedPartIsAtTheEndAndVisible(t *testing.T) {
	for _, tc := range []struct {
		op   operation
		want bar
	}{
		{operation{Done: 50, Progress: 0.5}, bar{}},
		{operation{Failed: 10, Done: 50, Progress: 0.5}, bar{X: 400, W: 100}},
		{operation{Failed: 1, Done: 1e6, Progress: 1}, bar{X: 994, W: 6}},
		{operation{Failed: 1, Done: 1, Progress: 0.001}, bar{X: 0, W: 6}},
		{operation{Failed: 1, Done: 1, Progress: unknown()}, bar{}},
	} {
		if got := tc.op.FailedPart(); got != tc.want {
			t.Errorf("%+v: %v, want %v", tc.op, got, tc.want)
		}
	}
}
