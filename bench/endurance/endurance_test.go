package main

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/bulk"
)

func TestEveryWayCountsWhatItSays(t *testing.T) {
	for _, w := range ways() {
		w.items = 100 * laps * 8
		if _, err := w.measure(t.Context()); err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
	}
}

func TestVerdict(t *testing.T) {
	w := way{bound: 10}
	for want, outcomes := range map[string][]outcome{
		"ok": {
			{Best: 11, Bare: 1, Usual: 30, BareUsual: 1},
			{Best: 30, Bare: 1, Usual: 11, BareUsual: 1},
			{Allocs: allocNoise, Early: 1, Late: 1 + memoryNoise},
			{Early: 1 << 30},
		},
		"MISSED": {
			{Best: 12, Bare: 1, Usual: 30, BareUsual: 1},
			{Allocs: 1},
			{Early: 1, Late: 2 + memoryNoise},
		},
	} {
		for _, o := range outcomes {
			if got := w.verdict(o); got != want {
				t.Errorf("%+v is %q, want %s", o, got, want)
			}
		}
	}
}

// TestADayOfAHundredMillionItems has stages, failures and stalls, and is told by
// the SDK's own exporters.
func TestADayOfAHundredMillionItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const minutes = 24 * 60
		tel := start(time.Minute, 0)
		_, op := bulk.Start(t.Context(), "day", tel.providers()) // without a total, as an ETA for each second takes time
		w := op.Worker()
		for minute := range minutes {
			for _, stage := range []string{"read", "write"} {
				leave := op.Stage(stage).Enter()
				<-time.After(30 * time.Second)
				leave()
			}
			for range many / minutes {
				w.OK()
			}
			op.Fail(fmt.Errorf("refused: %c", 'a'+minute%26))
		}
		for range many % minutes {
			w.OK()
		}
		w.Close()
		op.End(nil)
		if err := tel.stop(t.Context()); err != nil {
			t.Error(err)
		}
		t.Log(tel)
		if items, want := tel.items.Load(), int64(many+minutes); items != want {
			t.Errorf("%d items were told, want %d", items, want)
		}
		if spans, records := tel.spans.Load(), tel.records.Load(); spans > 300 || records > 1000 {
			t.Errorf("%d spans and %d log records, want at most 300 and 1000", spans, records)
		}
	})
}
