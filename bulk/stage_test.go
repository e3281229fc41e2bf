package bulk

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/otelmon/otelmon-go/internal/keys"
)

func took(s sdktrace.ReadOnlySpan) time.Duration { return s.EndTime().Sub(s.StartTime()) }

func TestStagesInTurnHaveASpanEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for i, name := range []string{"read", "write", "read"} {
			leave := op.Stage(name).Enter()
			wait(time.Duration(i+1) * time.Minute)
			leave()
			leave()
		}
		wait(2 * time.Second)
		reads, writes := p.ended("bulk.stage read"), p.ended("bulk.stage write")
		if len(reads) != 2 || took(reads[0]) != time.Minute || took(reads[1]) != 3*time.Minute {
			t.Errorf("read spans = %v, want one of a minute and one of three, while the operation runs", reads)
		}
		if len(writes) != 1 || took(writes[0]) != 2*time.Minute {
			t.Errorf("write spans = %v, want one of two minutes", writes)
		}
		op.End(nil)
		want := []StageTime{{Name: "read", Time: 4 * time.Minute}, {Name: "write", Time: 2 * time.Minute}}
		if got := op.Snapshot().Stages; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("stages = %v, want %v", got, want)
		}
		if got := attr(reads[1].Attributes(), keys.BulkStageBusySeconds); got != "180" {
			t.Errorf("busy seconds of the second visit = %s, want 180", got)
		}
		if reads[0].Parent().SpanID() != p.root(t, "op").SpanContext().SpanID() {
			t.Error("the stage is not a child of the operation")
		}
	})
}

func TestStageOfEveryItemIsOneSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for range 1000 {
			leave := op.Stage("transform").Enter()
			wait(600 * time.Millisecond)
			leave()
			wait(400 * time.Millisecond)
		}
		op.End(nil)
		spans := p.ended("bulk.stage transform")
		if len(spans) != 1 || took(spans[0]) != 1000*time.Second-400*time.Millisecond {
			t.Fatalf("%d spans, want one over all items", len(spans))
		}
		if got := attr(spans[0].Attributes(), keys.BulkStageBusySeconds); got != "600" {
			t.Errorf("busy seconds = %s, want 600", got)
		}
	})
}

func TestStageSpansAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		for range 200 {
			leave := op.Stage("poll").Enter()
			wait(time.Second)
			leave()
			wait(5 * time.Second)
		}
		op.End(nil)
		spans := p.ended("bulk.stage poll")
		if len(spans) != maxStageSpans {
			t.Fatalf("%d spans, want %d", len(spans), maxStageSpans)
		}
		rest := attr(spans[maxStageSpans-1].Attributes(), keys.BulkStageBusySeconds)
		if want := fmt.Sprint(200 - (maxStageSpans - 1)); rest != want {
			t.Errorf("the last span has %s busy seconds, want those of all other visits, %s", rest, want)
		}
	})
}

func TestStageTimeAddsUpGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				defer op.Stage("write").Enter()()
				<-time.After(time.Second)
			})
		}
		wg.Wait()
		op.End(nil)
		if got := op.Snapshot().Stages[0].Time; got != 4*time.Second {
			t.Errorf("stage time = %s, want 4s", got)
		}
		if spans := p.ended("bulk.stage write"); len(spans) != 1 || took(spans[0]) != time.Second {
			t.Errorf("spans = %v, want one of a second", spans)
		}
	})
}

func TestStageLeftOpenEndsWithTheOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		op.Stage("write").Enter()()
		leave := op.Stage("write").Enter()
		wait(time.Second)
		op.End(nil)
		leave()
		for range 3 {
			op.Stage("write").Enter()()
			wait(2 * time.Second)
		}
		if spans := p.ended("bulk.stage write"); len(spans) != 1 || took(spans[0]) != time.Second {
			t.Errorf("spans = %v, want one of a second", spans)
		}
	})
}

func TestStageNamesAreBounded(t *testing.T) {
	_, op := Start(t.Context(), "op")
	defer op.End(nil)
	long := strings.Repeat("x", 100)
	if again := op.Stage(long); again != op.Stage(long) {
		t.Error("a long name gives a new stage each time")
	}
	first := op.Stage("first")
	for i := range 3 * maxStages {
		op.Stage(fmt.Sprint("stage", i))
	}
	stages := op.Snapshot().Stages
	if n := len(stages); n != maxStages || stages[n-1].Name != other {
		t.Errorf("%d stages, the last %q, want %d with %q", n, stages[n-1].Name, maxStages, other)
	}
	if op.Stage("first") != first {
		t.Error("an early stage is no longer found")
	}
}

func TestSpansOfAllStagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		const stages = 10
		for range 40 {
			for i := range stages {
				leave := op.Stage(fmt.Sprint("s", i)).Enter()
				wait(2 * time.Second)
				leave()
			}
		}
		op.End(nil)
		n := 0
		for _, s := range p.spans.Ended() {
			if strings.HasPrefix(s.Name(), keys.SpanBulkStage+" ") {
				n++
			}
		}
		if n > maxVisits+stages || n < maxVisits {
			t.Errorf("%d spans of stages, want at most %d and the last of each", n, maxVisits)
		}
	})
}
