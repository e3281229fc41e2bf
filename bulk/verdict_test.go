package bulk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func TestVerdictOfAControlledRun(t *testing.T) {
	curve := evidence{limit: 47, sigma: 0.03, kappa: 0.0004, peak: 49}
	with := func(e evidence, change func(*evidence)) *evidence {
		change(&e)
		return &e
	}
	for name, tt := range map[string]struct {
		e     *evidence
		limit Limit
		text  string
	}{
		"no controller": {nil, "", ""},
		"nothing known": {&evidence{limit: 4}, "", ""},
		"rate limit, whatever else": {
			with(curve, func(e *evidence) { e.refused, e.cap, e.cpu = 0.004, 400, true }),
			LimitRate, "the backend's rate limit: it takes 400/s and refused 0.4% of the calls lately",
		},
		"a slow producer": {
			with(curve, func(e *evidence) { e.starving = 0.8 }),
			LimitReader, "the reader: workers wait for it 80% of the time",
		},
		"no CPU left": {with(curve, func(e *evidence) { e.cpu = true }), LimitCPU, "the CPU of this process: all of it is in use"},
		"at the peak": {
			&curve, LimitContention,
			"contention in the backend (sigma 3%): throughput peaks at 49 workers, now 47; more would not help",
		},
		"far below the peak":   {with(curve, func(e *evidence) { e.limit = 20 }), "", ""},
		"held by the caller":   {&evidence{limit: 8, maxLimit: 8}, LimitWorkers, "the number of workers: all 8 that are allowed are at work, and more were not tried"},
		"no more by a probe":   {&evidence{limit: 6, batch: 3200, maxLimit: 16, saturated: true}, LimitContention, "the backend takes no more: a probe with more workers than the 6 now, of batches of 3200, got no more done"},
		"held but at its peak": {with(curve, func(e *evidence) { e.maxLimit = 47 }), LimitContention, "contention in the backend (sigma 3%): throughput peaks at 49 workers, now 47; more would not help"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.e.verdict(); got.Limit != tt.limit || got.Sentence != tt.text {
				t.Errorf("verdict = %+v, want %q: %s", got, tt.limit, tt.text)
			}
		})
	}
}

func TestVerdictOfStages(t *testing.T) {
	s := time.Second
	for name, tt := range map[string]struct {
		stages []StageTime
		limit  Limit
		stage  string
	}{
		"one stage":        {[]StageTime{{"write", 9 * s, 0, 0}}, "", ""},
		"too short":        {[]StageTime{{"read", s / 5, 0, 0}, {"write", s / 20, 0, 0}}, "", ""},
		"reading in turns": {[]StageTime{{"read", 9 * s, 0, 0}, {"write", s, 0, 0}}, LimitReader, "read"},
		"writing in turns": {[]StageTime{{"read", s, 0, 0}, {"write", 9 * s, 0, 0}}, LimitWriter, "write"},
		"neither":          {[]StageTime{{"read", 5 * s, 0, 0}, {"write", 5 * s, 0, 0}}, "", ""},
		"a middle stage of few goroutines": {
			[]StageTime{{"read", 5 * s, 0, 55 * s}, {"parse", 58 * s, s, s}, {"write", 100 * s, 380 * s, 0}},
			LimitStage, "parse",
		},
		"a slow reader":     {[]StageTime{{"read", 59 * s, 0, s}, {"write", 5 * s, 55 * s, 0}}, LimitReader, "read"},
		"all of them busy":  {[]StageTime{{"read", 58 * s, 0, 2 * s}, {"write", 57 * s, 3 * s, 0}}, "", ""},
		"nobody is limited": {[]StageTime{{"read", 5 * s, 0, 55 * s}, {"write", 5 * s, 55 * s, 0}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judgeStages(tt.stages); got.Limit != tt.limit || got.Stage != tt.stage || (got.Sentence == "") != (tt.limit == "") {
				t.Errorf("verdict = %+v, want %s of %s", got, tt.limit, tt.stage)
			}
		})
	}
}

func TestVerdictOfALoop(t *testing.T) {
	for _, tt := range []struct {
		read, work time.Duration
		limit      Limit
		text       string
	}{
		{4 * time.Second, time.Second, LimitReader, "the reader: the loop waits 80% of the time for the next item"},
		{time.Second, 9 * time.Second, LimitWriter, "the loop body: it takes 90% of the time, in one goroutine, and waits for something else than the CPU"},
		{time.Second, time.Second, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe()
			source := func(yield func(int) bool) {
				for i := range 20 {
					if wait(tt.read); !yield(i) {
						return
					}
				}
			}
			for it := range Each(t.Context(), "op", source, p.Providers) {
				wait(tt.work / 2)
				it.Bytes(1)
				wait(tt.work / 2)
			}
			root := p.root(t, "op")
			if got := attr(root.Attributes(), keys.BulkVerdictLimit); got != string(tt.limit) {
				t.Errorf("limit = %q, want %q", got, tt.limit)
			}
			finished := p.logs.named(keys.EventBulkFinished)[0]
			if got := attr(attrsOf(finished), keys.BulkVerdict); got != tt.text {
				t.Errorf("verdict = %q, want %q", got, tt.text)
			}
			if got := finished.Body().AsString(); strings.Contains(got, "; limited by "+tt.text) != (tt.text != "") {
				t.Errorf("finished says %q", got)
			}
		})
	}
}

func TestVerdictOfALoopOnOneCPU(t *testing.T) {
	var l loopTime
	l.timed.Store(100)
	l.working.Store(int64(9 * time.Second))
	l.reading.Store(int64(time.Second))
	if v := l.verdict(1.02); v.Limit != LimitCPU {
		t.Errorf("with a CPU in full use: %+v", v)
	}
	if v := l.verdict(0.1); v.Limit != LimitWriter {
		t.Errorf("with a CPU at rest: %+v", v)
	}
	var c cpuUse
	for i := range 30 {
		c.observe(time.Unix(int64(i), 0), time.Duration(i)*1500*time.Millisecond)
	}
	if c.share < 1.45 || c.share > 1.55 {
		t.Errorf("%.2f CPUs in use, want 1.5", c.share)
	}
}

func TestVerdictInJSON(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	op.evidence.Store(&evidence{starving: 0.9})
	text, err := json.Marshal(op.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	const want = `"verdict":{"limit":"reader","sentence":"the reader: workers wait for it 90% of the time"}`
	if !strings.Contains(string(text), want) {
		t.Errorf("no %s in %s", want, text)
	}
}

func TestStagesTellBusyFromWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		defer op.End(nil)
		st := op.Stage("write")
		for range 10 {
			done := st.WaitIn()
			wait(3 * time.Second)
			done()
			done()
			leave := st.Enter()
			wait(time.Second)
			leave()
			done = st.WaitOut()
			wait(2 * time.Second)
			done()
		}
		want := []StageTime{{"write", 10 * time.Second, 30 * time.Second, 20 * time.Second}}
		if got := op.Snapshot().Stages; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("stages = %v, want %v", got, want)
		}
		points := p.collect(t)
		for state, want := range map[string]float64{"busy": 10, "wait_in": 30, "wait_out": 20} {
			if got := points["bulk.stage.time{bulk.operation.name=op,bulk.stage.name=write,bulk.stage.state="+state+"}"]; got != want {
				t.Errorf("%s for %v s, want %v", state, got, want)
			}
		}
		var none *Stage
		none.WaitIn()()
		none.WaitOut()()
	})
}
