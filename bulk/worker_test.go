package bulk

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/log"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestWorkerPublishesInStridesWhenQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, op := Start(t.Context(), "op")
		defer op.End(nil)
		w := op.Worker()
		for i := range 1000 {
			w.OK()
			if lag := int64(i+1) - op.Snapshot().OK; lag < 0 || lag >= stride {
				t.Fatalf("after %d quick items, %d are missing", i+1, lag)
			}
		}
		if op.Snapshot().OK == 1000 {
			t.Error("every item was published, so none was cheap")
		}
		w.Close()
		if got := op.Snapshot().OK; got != 1000 {
			t.Errorf("ok = %d after Close, want 1000", got)
		}
	})
}

func TestWorkerPublishesEachItemWhenSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, op := Start(t.Context(), "op")
		defer op.End(nil)
		w := op.Worker()
		defer w.Close()
		for i := range 1000 {
			wait(100 * time.Microsecond)
			w.OK()
			if got := op.Snapshot().OK; got != int64(i+1) {
				t.Fatalf("after %d items of 0.1 ms, %d are seen", i+1, got)
			}
		}
	})
}

func TestWorkerKeepsSkipReasonsApart(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	w := op.Worker()
	for i := range 999 {
		w.Skip([]string{"old", "empty", "old"}[i%3])
	}
	w.Close()
	got := op.Snapshot().Skips
	if len(got) != 2 || got[0] != (SkipCount{"old", 666}) || got[1] != (SkipCount{"empty", 333}) {
		t.Errorf("skips = %v", got)
	}
}

func TestClosedWorkerStillCounts(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	w := op.Worker()
	w.Close()
	w.Close()
	for i := range 200 {
		w.OK()
		if got := op.Snapshot().OK; got != int64(i+1) {
			t.Fatalf("ok = %d after %d items of a closed worker", got, i+1)
		}
	}
	if n := op.Snapshot().Workers; n != 0 {
		t.Errorf("%d workers are open", n)
	}
}

func TestEndTellsOfWorkersNotClosed(t *testing.T) {
	for open, want := range []struct {
		missing  string
		severity log.Severity
	}{
		{"", log.SeverityInfo},
		{", 1 worker was not closed (up to 63 items not counted)", log.SeverityWarn},
		{", 2 workers were not closed (up to 126 items not counted)", log.SeverityWarn},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe()
			_, op := Start(t.Context(), "op", p.Providers)
			workers := []*Worker{op.Worker(), op.Worker()}
			wait(500 * time.Millisecond)
			for range 1000 {
				workers[0].OK()
				workers[1].OK()
			}
			for _, w := range workers[open:] {
				w.Close()
			}
			if s := op.Snapshot().String(); strings.Contains(s, "not closed") {
				t.Errorf("while it runs: %q", s)
			}
			op.End(nil)
			for _, w := range workers {
				w.Close()
			}
			last := op.Snapshot()
			if lost := 2000 - last.OK; (lost > 0) != (open > 0) || lost > int64(63*open) || last.Workers != open {
				t.Errorf("%d open: %d items lost, %d workers", open, lost, last.Workers)
			}
			said := fmt.Sprintf("op completed after 500ms: %d items%s, %s", last.OK, want.missing, pace(last.Rate))
			got := p.logs.named(keys.EventBulkFinished)[0]
			if got.Body().AsString() != said || got.Severity() != want.severity {
				t.Errorf("%v %q, want %v %q", got.Severity(), got.Body().AsString(), want.severity, said)
			}
		})
	}
}

// A worker that closes while the operation ends is either counted in full or
// told to be open.
func TestEndMissesNothingInSilence(t *testing.T) {
	for range 2000 {
		_, op := Start(t.Context(), "op")
		w := op.Worker()
		for range 2*stride - 1 {
			w.OK()
		}
		var closing sync.WaitGroup
		closing.Go(w.Close)
		op.End(nil)
		closing.Wait()
		if s := op.Snapshot(); s.Workers == 0 && s.OK != 2*stride-1 {
			t.Fatalf("%d of %d items, and no worker was open", s.OK, 2*stride-1)
		}
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	w := op.Worker()
	defer w.Close()
	err := errors.New("no name")
	for range 2 * looksPerSecond {
		op.Fail(err)
	}
	for name, f := range map[string]func(){
		"Operation.OK": op.OK, "Operation.Add": func() { op.Add(3) }, "Operation.Bytes": func() { op.Bytes(3) },
		"Operation.Skip": func() { op.Skip("old") }, "Operation.Fail": func() { op.Fail(err) },
		"Worker.OK": w.OK, "Worker.Bytes": func() { w.Bytes(3) },
		"Worker.Skip": func() { w.Skip("old") }, "Worker.Fail": func() { w.Fail(err) },
	} {
		// The average is rounded down, so a failure that is looked up now and
		// then does not show.
		if n := testing.AllocsPerRun(10_000, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestLoopsDoNotAllocateForItems(t *testing.T) {
	ctx := t.Context()
	for name, loop := range map[string]func(n int){
		"Range": func(n int) {
			for range Range(ctx, "op", upTo(n)) {
			}
		},
		"Range2": func(n int) {
			for _, err := range Range2(ctx, "op", fallible(n)) {
				_ = err
			}
		},
		"Each": func(n int) {
			for range Each(ctx, "op", upTo(n)) {
			}
		},
	} {
		few := testing.AllocsPerRun(10, func() { loop(10) })
		many := math.Inf(1)
		for range 5 { // what is reported meanwhile allocates too, by time and not by item
			many = min(many, testing.AllocsPerRun(10, func() { loop(100_000) }))
		}
		if many > few+5 {
			t.Errorf("%s allocates %v times for 10 items and %v for 100000", name, few, many)
		}
	}
}
