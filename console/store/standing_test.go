package store

import (
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// tell sets what package bulk's metrics say about the operations named import.
func (r *rig) tell(t *testing.T, ok, failed int64, progress float64) {
	t.Helper()
	name := attribute.String(keys.BulkOperationName, "import")
	m := r.MP.Meter(keys.ScopeBulk)
	items, err := m.Int64Counter(keys.BulkItems)
	if err != nil {
		t.Fatal(err)
	}
	items.Add(t.Context(), ok, metric.WithAttributes(name, attribute.String(keys.BulkItemOutcome, "ok")))
	items.Add(t.Context(), failed, metric.WithAttributes(name, attribute.String(keys.BulkItemOutcome, "failed")))
	for instrument, v := range map[string]float64{
		keys.BulkOperationProgress: progress, keys.BulkOperationThroughput: 7, keys.BulkOperationETA: 107,
	} {
		g, err := m.Float64Gauge(instrument)
		if err != nil {
			t.Fatal(err)
		}
		g.Record(t.Context(), v, metric.WithAttributes(name))
	}
}

func importOf(id string, more ...attribute.KeyValue) []attribute.KeyValue {
	return append([]attribute.KeyValue{
		attribute.String(keys.BulkOperationName, "import"), attribute.String(keys.BulkOperationID, id), attribute.Int(keys.BulkItemsTotal, 1000),
	}, more...)
}

// newest returns the running operation and checks that its figures agree.
func (r *rig) newest(t *testing.T) Operation {
	t.Helper()
	op := r.Operations(10).Operations[0]
	if op.OK+op.Failed+op.Skipped != op.Done || op.Progress != op.Done/op.Total {
		t.Errorf("contradicts itself: %+v", op)
	}
	return op
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestFiguresAreOfOneMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 0)
		_, before := r.Bulk(t.Context(), "bulk import", importOf("0")...)
		before.SetAttributes(attribute.Int(keys.BulkItemsOK, 990), attribute.Int(keys.BulkItemsFailed, 10))
		before.End()
		ctx, s := r.Bulk(t.Context(), "bulk import", importOf("1")...)
		defer s.End()
		pass(time.Second)
		r.Log(ctx, log.SeverityInfo, keys.EventBulkProgress, "200 done", importOf("1",
			attribute.Int(keys.BulkItemsOK, 199), attribute.Int(keys.BulkItemsFailed, 1), attribute.Float64(keys.BulkRate, 9), attribute.Float64(keys.BulkETASeconds, 50))...)
		if op := r.newest(t); op.Done != 200 || op.Rate != 9 || op.Message != "200 done" {
			t.Errorf("as the event says: %+v", op)
		}
		told := time.Now()
		pass(2 * time.Second)

		r.tell(t, 990+240, 10+10, 0.25)
		op := r.newest(t)
		if op.OK != 240 || op.Failed != 10 || op.Done != 250 || op.Rate != 7 || op.ETA != 107 || op.Message != "" || !op.Updated.After(told) {
			t.Errorf("as the metrics say: %+v", op)
		}
	})
}

func TestMetricsThatAreNotOneOperationsAreLeftOut(t *testing.T) {
	for name, tc := range map[string]struct {
		ok, failed int64
		progress   float64
		second     bool
	}{
		"more than the gauge: an operation that was forgotten": {500, 0, 0.25, false},
		"less than the event":         {100, 0, 0.1, false},
		"fewer failed than the event": {250, 0, 0.25, false},
		"two run":                     {240, 10, 0.25, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 0)
				ctx, s := r.Bulk(t.Context(), "bulk import", importOf("1")...)
				defer s.End()
				if tc.second {
					_, other := r.Bulk(t.Context(), "bulk import", importOf("2")...)
					defer other.End()
				}
				pass(time.Second)
				r.Log(ctx, log.SeverityInfo, keys.EventBulkProgress, "200 done", importOf("1",
					attribute.Int(keys.BulkItemsOK, 199), attribute.Int(keys.BulkItemsFailed, 1), attribute.Float64(keys.BulkRate, 9))...)
				told := time.Now()
				pass(2 * time.Second)
				r.tell(t, tc.ok, tc.failed, tc.progress)
				for _, op := range r.Operations(10).Operations {
					if op.ID == "1" && (op.OK != 199 || op.Failed != 1 || op.Done != 200 || op.Progress != 0.2 || op.Rate != 9 || op.ETA.Known() || !op.Updated.Equal(told)) {
						t.Errorf("%+v", op)
					}
					if op.ID == "2" && (op.Done != 0 || op.Rate.Known()) {
						t.Errorf("%+v", op)
					}
				}
			})
		})
	}
}
