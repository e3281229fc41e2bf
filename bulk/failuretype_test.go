package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// failedByType returns what bulk.item.failures says of an operation, and their
// sum and what bulk.items says.
func (p *probe) failedByType(t *testing.T, name string) (types map[string]int64, sum, failed int64) {
	t.Helper()
	types = make(map[string]int64)
	prefix := "bulk.item.failures{bulk.operation.name=" + name + ",error.type="
	points := p.collect(t)
	for s, n := range points {
		if typ, of := strings.CutPrefix(s, prefix); of {
			types[strings.TrimSuffix(typ, "}")] = int64(n)
			sum += int64(n)
		}
	}
	return types, sum, int64(points["bulk.items{bulk.item.outcome=failed,bulk.operation.name="+name+"}"])
}

// hostile is an error that cannot be compared and whose methods panic.
type hostile struct{ parts []string }

func (h hostile) Error() string { return h.parts[1] }
func (h hostile) Unwrap() error { panic("no cause") }

func deep(err error, n int) error {
	for range n {
		err = fmt.Errorf("again: %w", err)
	}
	return err
}

func TestFailuresAreCountedByType(t *testing.T) {
	tests := []struct {
		err error
		typ string
	}{
		{errors.New("no name"), "*errors.errorString"},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), "*errors.errorString"},
		{deep(&nilError{"odd"}, 90), "*bulk.nilError"},
		{deep(&nilError{"odd"}, 1000), "*fmt.wrapError"},
		{Permanent(&nilError{"odd"}), "*bulk.nilError"},
		{(*nilError)(nil), "*bulk.nilError"},
		{fmt.Errorf("put: %w", (*permanent)(nil)), "*bulk.permanent"},
		{nil, "_OTHER"},
		{circle{}, "bulk.circle"},
		{hostile{}, "bulk.hostile"},
		{errors.Join(io.EOF, hostile{}), "*errors.joinError"},
		{fmt.Errorf("%w and %w", io.EOF, io.EOF), "*fmt.wrapErrors"},
		{ItemErrors{{Index: 1, Err: io.EOF}}, "bulk.ItemErrors"},
		{panicError{hostile{}}, "panic"},
	}
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	w := op.Worker()
	want := make(map[string]int64)
	for _, tt := range tests {
		op.Fail(tt.err)
		w.Fail(tt.err)
		want[tt.typ] += 2
	}
	w.Close()
	for _, when := range []string{"running", "ended"} {
		got, sum, failed := p.failedByType(t, "op")
		if fmt.Sprint(got) != fmt.Sprint(want) || sum != failed {
			t.Errorf("%s: %v, which are %d of %d, want %v", when, got, sum, failed, want)
		}
		op.End(nil)
	}
	op.Fail(io.EOF) // too late
	if _, sum, _ := p.failedByType(t, "op"); sum != int64(2*len(tests)) {
		t.Errorf("%d failures after the end, want %d", sum, 2*len(tests))
	}
	s := op.Snapshot()
	if s.FailureTypes[0] != (FailureCount{"*bulk.nilError", 6}) || len(s.FailureTypes) != len(want) {
		t.Errorf("the snapshot has %v", s.FailureTypes)
	}
}

// What goes on as an event has the type that is counted.
func TestErrorTypesOfEventsAndMetricsAreTheSame(t *testing.T) {
	for _, err := range []error{nil, circle{}, hostile{}, (*nilError)(nil), deep(hostile{}, 3), panicError{hostile{}}, errors.Join(io.EOF)} {
		if got, want := describe(err).typ, typeOf(err); got != want {
			t.Errorf("%T is a %s in events and a %s in metrics", err, got, want)
		}
	}
}

// Of a storm, 128 a second are in classes, but each is in the metric.
func TestAStormOfFailuresIsCountedByType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", p.Providers)
		defer op.End(nil)
		for second := range 3 {
			for i := range 10 * looksPerSecond {
				op.Fail(fmt.Errorf("row %d: %w", i, io.ErrUnexpectedEOF))
				if i%100 == 50 {
					op.Fail(&nilError{"rare"})
				}
			}
			wait(time.Second)
			want := map[string]int64{"*errors.errorString": int64(second+1) * 10 * looksPerSecond, "*bulk.nilError": int64(second+1) * 13}
			if got, sum, failed := p.failedByType(t, "op"); fmt.Sprint(got) != fmt.Sprint(want) || sum != failed {
				t.Errorf("%v, which are %d of %d, want %v", got, sum, failed, want)
			}
		}
	})
}

// strange are errors of different types.
type strange[A, B any] struct{}

func (strange[A, B]) Error() string { return "odd" }

func strangers[A any]() []error {
	return []error{strange[A, int]{}, strange[A, int8]{}, strange[A, int16]{}, strange[A, int32]{}, strange[A, int64]{}, strange[A, uint]{}, strange[A, uint8]{}}
}

func manyTypes() []error {
	return slices.Concat(strangers[int](), strangers[int8](), strangers[int16](), strangers[int32](), strangers[int64](), strangers[uint](), strangers[uint8]())
}

func TestTypesOfFailuresAreBounded(t *testing.T) {
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	many := manyTypes()
	for _, err := range many {
		op.Fail(err)
	}
	op.End(nil)
	got, sum, failed := p.failedByType(t, "op")
	if len(got) != maxKinds+1 || got[other] != int64(len(many)-maxKinds) || sum != failed || failed != int64(len(many)) {
		t.Errorf("%d types, %d of others, %d of %d failures; want %d types", len(got), got[other], sum, failed, maxKinds+1)
	}
	if n := len(op.Snapshot().FailureTypes); n != maxKinds+1 {
		t.Errorf("%d types in the snapshot", n)
	}
}

// The types that operations of one name have had together are more than those of
// one: no series may then go over into another, while they run or end.
func TestNoSeriesFallsWhereOperationsHaveManyTypes(t *testing.T) {
	p := newProbe()
	many, last := manyTypes(), make(map[string]float64)
	look := func(when string) {
		t.Helper()
		points := p.collect(t)
		if _, sum, failed := p.failedByType(t, "op"); sum != failed {
			t.Errorf("%s: %d of %d failures have a type", when, sum, failed)
		}
		series := 0
		for s, n := range last {
			if strings.HasPrefix(s, "bulk.item") && points[s] < n {
				t.Errorf("%s: %s fell from %v to %v", when, s, n, points[s])
			}
		}
		for s := range points {
			if strings.HasPrefix(s, "bulk.item.") {
				series++
			}
		}
		if series > 2*(maxKinds+1) {
			t.Errorf("%s: %d series", when, series)
		}
		last = points
	}
	var ops []*Operation
	for i := range 4 {
		_, op := Start(t.Context(), "op", p.Providers)
		ops = append(ops, op)
		for _, err := range many[12*i:][:12] {
			op.Fail(err)
			op.Retry(err)
		}
		look(fmt.Sprint("beginning ", i))
	}
	for i, op := range slices.Backward(ops) {
		op.Fail(many[0])
		op.End(nil)
		look(fmt.Sprint("ending ", i))
	}
}

// Types of one name are one series: the attribute cannot tell them apart.
func TestTypesOfOneNameAreTakenTogether(t *testing.T) {
	first := func() error {
		type twin struct{ error }
		return twin{io.EOF}
	}
	second := func() error {
		type twin struct{ error }
		return twin{io.EOF}
	}
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	defer op.End(nil)
	op.Fail(first())
	op.Fail(second())
	if got, sum, failed := p.failedByType(t, "op"); got["bulk.twin"] != 2 || sum != 2 || failed != 2 {
		t.Errorf("%v of %d failures, want one type", got, failed)
	}
}

// Whatever goes on, the types add up to what has failed, and nothing falls.
func TestTypesAddUpAtEachCollection(t *testing.T) {
	p := newProbe()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	metrics := Providers{Meter: p.Meter}
	_, shared := Start(t.Context(), "op", metrics)
	for i, err := range manyTypes()[:4] {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				shared.Fail(err)
				if n%1000 == i {
					_, op := Start(t.Context(), "op", metrics)
					op.Fail(err)
					op.Fail(io.EOF)
					op.End(nil)
				}
			}
		})
	}
	last := make(map[string]int64)
	for range 1000 {
		got, sum, failed := p.failedByType(t, "op")
		if sum != failed {
			t.Errorf("the types add up to %d, where %d have failed", sum, failed)
		}
		for typ, n := range last {
			if got[typ] < n {
				t.Errorf("%s fell from %d to %d", typ, n, got[typ])
			}
		}
		last = got
		if t.Failed() {
			break
		}
	}
	stop()
	all.Wait()
	shared.End(nil)
	if s := shared.Snapshot(); totalOf(s.FailureTypes) != s.Failed {
		t.Errorf("the last snapshot has %v of %d failures", s.FailureTypes, s.Failed)
	}
}

// What other processes have failed at is in the snapshot's sum, but neither in
// the metrics nor among the types, which are their own to tell.
func TestFailuresOfOtherProcessesHaveNoType(t *testing.T) {
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	op.Fail(io.EOF)
	if err := op.Merge(Share{Operation: op.Snapshot().ID, Worker: "w", Failed: 5}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := op.Snapshot()
		if _, sum, failed := p.failedByType(t, "op"); sum != 1 || failed != 1 || s.Failed != 6 || totalOf(s.FailureTypes) != 1 {
			t.Errorf("%d of %d failures in metrics, %v of %d in the snapshot", sum, failed, s.FailureTypes, s.Failed)
		}
		op.End(nil)
	}
}

func TestCountingAFailureAllocatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, op := Start(t.Context(), "op")
		defer op.End(nil)
		for range looksPerSecond {
			op.Fail(nil)
		}
		for _, err := range []error{io.EOF, deep(io.EOF, 5), hostile{}, circle{}, nil} {
			if n := testing.AllocsPerRun(100, func() { op.Fail(err) }); n != 0 {
				t.Errorf("%v allocations for %T", n, err)
			}
		}
	})
}

func totalOf(types []FailureCount) (n int64) {
	for _, c := range types {
		n += c.Items
	}
	return n
}
