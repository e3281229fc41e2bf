package store

import (
	"strconv"
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
		r := newRig(t, 0)
		base := []attribute.KeyValue{
			attribute.String(keys.BulkOperationName, "import"), attribute.String(keys.BulkOperationID, "42"), attribute.Int(keys.BulkItemsTotal, 200),
		}
		ctx, s := r.Bulk(t.Context(), "bulk import", base...)
		_, stage := r.Bulk(ctx, "bulk.stage parse")
		_, segment := r.Bulk(ctx, "bulk.segment", base...)
		time.Sleep(10 * time.Second) //nolint:forbidigo // synctest's clock
		r.Log(ctx, log.SeverityInfo, keys.EventBulkProgress, "half way", append(base,
			attribute.Int(keys.BulkItemsOK, 90), attribute.Int(keys.BulkItemsFailed, 10), attribute.Float64(keys.BulkRate, 10), attribute.Float64(keys.BulkETASeconds, 10),
			attribute.Float64(keys.BulkETALowSeconds, 3), attribute.Float64(keys.BulkETAHighSeconds, 20))...)
		r.Log(ctx, log.SeverityWarn, keys.EventBulkItemFailed, "row 7: no name", base...)
		time.Sleep(4 * time.Second) //nolint:forbidigo // synctest's clock

		list := r.Operations(10)
		if len(list.Operations) != 1 || list.Running != 1 {
			t.Fatalf("%+v", list)
		}
		op := list.Operations[0]
		if op.Name != "import" || op.State != StateRunning || op.Done != 100 || op.Progress != 0.5 || op.Rate != 10 ||
			op.Stage != "parse" || op.TraceID != traceID(s).String() || op.Seconds != 14 {
			t.Errorf("%+v", op)
		}
		if op.ETA != 6 {
			t.Errorf("ETA %v, want the event's 10 s less the 4 s since", op.ETA)
		}
		if op.ETALow != 0 || op.ETAHigh != 16 {
			t.Errorf("ETA between %v and %v, want what is left of 3 s and 20 s", op.ETALow, op.ETAHigh)
		}
		if len(op.Failures) != 1 || op.Failures[0].Message != "row 7: no name" || op.Message != "half way" {
			t.Errorf("%+v", op)
		}
		segment.End()
		stage.End()
		time.Sleep(6 * time.Second) //nolint:forbidigo // synctest's clock
		s.SetAttributes(attribute.Int(keys.BulkItemsOK, 190), attribute.Int(keys.BulkItemsFailed, 10), attribute.String(keys.BulkOperationResult, StateCompleted))
		s.End()
		op = r.Operations(10).Operations[0]
		if op.State != StateCompleted || op.Ended == nil || op.Progress != 1 || op.Rate != 10 || op.ETA.Known() || op.ETALow.Known() || op.Stage != "" {
			t.Errorf("%+v", op)
		}
	})
}

func TestOperationFailsWithItsSpan(t *testing.T) {
	r := newRig(t, 0)
	_, s := r.Bulk(t.Context(), "bulk import", attribute.String(keys.BulkOperationID, "1"))
	s.SetStatus(codes.Error, "disk full")
	s.End()
	if op := r.Operations(10).Operations[0]; op.State != StateFailed || op.Message != "disk full" || op.Name != "import" {
		t.Errorf("%+v", op)
	}
}

func TestOperationTableForgetsTheFirstToEndNeverARunningOne(t *testing.T) {
	r := newRig(t, leastBytes)
	_, running := r.Bulk(t.Context(), "bulk long", attribute.String(keys.BulkOperationID, "long"))
	defer running.End()
	for i := range 3 * r.operations.max {
		_, s := r.Bulk(t.Context(), "bulk short", attribute.String(keys.BulkOperationID, strconv.Itoa(i)))
		s.End()
	}
	list := r.Operations(MaxLimit)
	if list.Total != r.operations.max || list.Operations[0].Name != "long" || list.Running != 1 {
		t.Errorf("%d of at most %d, first %q", list.Total, r.operations.max, list.Operations[0].Name)
	}
	if u := r.operations.usage(); u.Dropped == 0 {
		t.Error("drops are not counted")
	}
	if short := r.Operations(3); len(short.Operations) != 3 || !short.Truncated {
		t.Errorf("limit: %d, truncated %v", len(short.Operations), short.Truncated)
	}
}
