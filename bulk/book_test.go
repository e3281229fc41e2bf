package bulk

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// wantPoints compares all data points.
func wantPoints(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for s, v := range want {
		if g, ok := got[s]; !ok || math.Abs(g-v) > 1e-9*math.Abs(v) {
			t.Errorf("%s = %v (present: %v), want %v", s, g, ok, v)
		}
	}
	for s, v := range got {
		if _, ok := want[s]; !ok {
			t.Errorf("%s = %v, want none", s, v)
		}
	}
}

func TestMetricsOfALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", Total(100), p.Providers)
		w := op.Worker()
		for range 20 {
			op.OK()
			w.Bytes(10)
			wait(time.Second)
		}
		leave := op.Stage("write").Enter()
		wait(time.Second / 2)
		w.Skip("old")
		wantPoints(t, p.collect(t), map[string]float64{
			"bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}":                             20,
			"bulk.items{bulk.item.outcome=failed,bulk.operation.name=op}":                         0,
			"bulk.items{bulk.item.outcome=skipped,bulk.operation.name=op}":                        1,
			"bulk.io{bulk.operation.name=op}":                                                     200,
			"bulk.stage.time{bulk.operation.name=op,bulk.stage.name=write,bulk.stage.state=busy}": 0.5,
			"bulk.operation.active{bulk.operation.name=op}":                                       1,
			"bulk.concurrency.usage{bulk.operation.name=op}":                                      1,
			"bulk.operation.progress{bulk.operation.name=op}":                                     0.21,
			"bulk.operation.idle.time{bulk.operation.name=op}":                                    0,
			"bulk.operation.throughput{bulk.operation.name=op}":                                   1,
			"bulk.operation.eta{bulk.operation.name=op}":                                          79,
		})

		leave()
		w.Close()
		op.End(nil)
		ended := map[string]float64{
			"bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}":                             20,
			"bulk.items{bulk.item.outcome=failed,bulk.operation.name=op}":                         0,
			"bulk.items{bulk.item.outcome=skipped,bulk.operation.name=op}":                        1,
			"bulk.io{bulk.operation.name=op}":                                                     200,
			"bulk.stage.time{bulk.operation.name=op,bulk.stage.name=write,bulk.stage.state=busy}": 0.5,
			"bulk.operation.active{bulk.operation.name=op}":                                       0,
			"bulk.operation.duration{bulk.operation.name=op,bulk.operation.result=completed}":     1,
		}
		wantPoints(t, p.collect(t), ended)

		_, again := Start(t.Context(), "op", p.Providers)
		again.Add(5)
		again.End(nil)
		ended["bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}"] = 25
		ended["bulk.operation.duration{bulk.operation.name=op,bulk.operation.result=completed}"] = 2
		wantPoints(t, p.collect(t), ended)
	})
}

func TestOperationsOfOneNameAreTakenTogether(t *testing.T) {
	p := newProbe()
	_, a := Start(t.Context(), "op", Total(10), p.Providers)
	_, b := Start(t.Context(), "op", Total(30), p.Providers)
	_, c := Start(t.Context(), "op", p.Providers)
	a.Add(15) // more than expected
	b.Add(1)
	c.Add(100)
	got := p.collect(t)
	for s, want := range map[string]float64{
		"bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}": 116,
		"bulk.operation.active{bulk.operation.name=op}":           3,
		"bulk.operation.progress{bulk.operation.name=op}":         0.275, // c has no total
	} {
		if got[s] != want {
			t.Errorf("%s = %v, want %v", s, got[s], want)
		}
	}
	for _, op := range []*Operation{a, b, c} {
		op.End(nil)
	}
}

func TestCountersOnlyRiseWhileOperationsEnd(t *testing.T) {
	p := newProbe()
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, op := Start(context.Background(), "op", p.Providers)
			op.Add(3)
			op.End(nil)
		}
	}()
	last := 0.0
	for range 200 {
		n := p.collect(t)["bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}"]
		if n < last {
			t.Errorf("bulk.items fell from %v to %v", last, n)
		}
		last = n
	}
	close(stop)
	<-done
}

func TestProvidersAreKeptApart(t *testing.T) {
	p, q := newProbe(), newProbe()
	for _, x := range []*probe{p, q, q} {
		_, op := Start(t.Context(), "op", x.Providers)
		op.OK()
		op.End(nil)
	}
	const ok = "bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}"
	if a, b := p.collect(t)[ok], q.collect(t)[ok]; a != 1 || b != 2 {
		t.Errorf("counted %v and %v, want 1 and 2", a, b)
	}
}

func TestNamesAreBounded(t *testing.T) {
	p := newProbe()
	for i := range maxNames + 50 {
		_, op := Start(t.Context(), fmt.Sprintf("import-%d", i), p.Providers)
		op.OK()
		op.End(nil)
	}
	got := p.collect(t)
	if n := got["bulk.items{bulk.item.outcome=ok,bulk.operation.name=_other}"]; n != 50 {
		t.Errorf("%v items of further names, want 50", n)
	}
	if n := got["bulk.operation.duration{bulk.operation.name=_other,bulk.operation.result=completed}"]; n != 50 {
		t.Errorf("%v durations of further names, want 50", n)
	}
	if n := len(got); n != (maxNames+1)*6 {
		t.Errorf("%d series, want %d", n, (maxNames+1)*6)
	}
}

// A dropped provider takes its book along: a program that makes many, such as a
// test, does not keep them all.
func TestBookLivesAsLongAsItsProvider(t *testing.T) {
	p := newProbe()
	_, op := Start(t.Context(), "op", p.Providers)
	op.End(nil)
	b := weak.Make(op.book)
	op = nil
	runtime.GC()
	if b.Value() == nil {
		t.Error("the book is gone while its provider is in use")
	}
	runtime.KeepAlive(p)
	p = nil
	runtime.GC()
	if b.Value() != nil {
		t.Error("the book outlives its provider")
	}
}

// uncomparable is a provider that cannot be a map key.
type uncomparable struct {
	embedded.MeterProvider
	_ []int
}

func (uncomparable) Meter(string, ...metric.MeterOption) metric.Meter { return noop.Meter{} }

func TestProvidersOfAnyType(t *testing.T) {
	for _, mp := range []metric.MeterProvider{uncomparable{}, uncomparable{}, noop.NewMeterProvider(), noop.NewMeterProvider()} {
		_, op := Start(t.Context(), "op", Providers{Meter: mp})
		op.OK()
		op.End(nil)
		if op.Snapshot().OK != 1 {
			t.Errorf("%T: %v", mp, op.Snapshot())
		}
	}
}

// The global provider can be set once in a process, so that is done in another.
func TestGlobalProviderSetAfterTheFirstOperation(t *testing.T) {
	if os.Getenv("BULK_TEST_GLOBAL") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "BULK_TEST_GLOBAL=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	_, early := Start(t.Context(), "op") // ends before
	early.Add(1)
	early.End(nil)
	_, across := Start(t.Context(), "op", Total(100)) // runs across
	across.Add(10)

	p := newProbe()
	otel.SetMeterProvider(p.Meter)
	const ok = "bulk.items{bulk.item.outcome=ok,bulk.operation.name=op}"
	if n := p.collect(t)[ok]; n != 11 {
		t.Errorf("%v items at once, want 11", n)
	}
	_, late := Start(t.Context(), "op", Total(100))
	late.Add(100)
	if n := p.collect(t)[ok]; n != 111 {
		t.Errorf("%v items with an operation from after, want 111", n)
	}
	if n := p.collect(t)["bulk.operation.progress{bulk.operation.name=op}"]; n != 0.55 {
		t.Errorf("progress = %v, want that of both operations, 0.55", n)
	}
	across.End(nil)
	late.End(nil)
	got := p.collect(t)
	if n := got[ok]; n != 111 {
		t.Errorf("%v items at the end, want 111", n)
	}
	if n := got["bulk.operation.duration{bulk.operation.name=op,bulk.operation.result=completed}"]; n != 2 {
		t.Errorf("%v durations, want those of the two that ended afterwards", n)
	}

	q := newProbe()
	otel.SetMeterProvider(q.Meter)
	_, next := Start(t.Context(), "op")
	next.Add(7)
	next.End(nil)
	if a, b := p.collect(t)[ok], q.collect(t)[ok]; a != 111 || b != 7 {
		t.Errorf("after a second provider was set: %v in the first, %v in the second, want 111 and 7", a, b)
	}
}

func TestLiveMayBeCalledWhileMetricsAreCollected(t *testing.T) {
	p := newProbe()
	gauge, err := p.Meter.Meter("test").Int64ObservableGauge("mine")
	if err != nil {
		t.Fatal(err)
	}
	seen := -1
	_, err = p.Meter.Meter("test").RegisterCallback(func(context.Context, metric.Observer) error {
		seen = len(Live())
		return nil
	}, gauge)
	if err != nil {
		t.Fatal(err)
	}
	_, op := Start(t.Context(), "op", p.Providers)
	defer op.End(nil)
	p.collect(t)
	if seen != 1 {
		t.Errorf("the callback saw %d operations, want 1", seen)
	}
}

func TestInstrumentsHaveUnitAndDescription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe()
		_, op := Start(t.Context(), "op", Total(10), p.Providers)
		op.OK()
		op.Stage("s").Enter()()
		wait(2 * time.Second)
		_, short := Start(t.Context(), "op", p.Providers)
		short.End(nil)
		var rm metricdata.ResourceMetrics
		if err := p.reader.Collect(t.Context(), &rm); err != nil {
			t.Fatal(err)
		}
		op.End(nil)
		units := make(map[string]string)
		for _, m := range rm.ScopeMetrics[0].Metrics {
			if units[m.Name] = m.Unit; m.Description == "" {
				t.Errorf("%s has no description", m.Name)
			}
		}
		want := map[string]string{
			"bulk.items": "{item}", "bulk.io": "By", "bulk.stage.time": "s", "bulk.operation.duration": "s",
			"bulk.operation.active": "{operation}", "bulk.concurrency.usage": "{worker}",
			"bulk.operation.progress": "1", "bulk.operation.throughput": "{item}/s", "bulk.operation.eta": "s",
			"bulk.operation.idle.time": "s",
		}
		if fmt.Sprint(units) != fmt.Sprint(want) {
			t.Errorf("units = %v, want %v", units, want)
		}
	})
}

func BenchmarkCollectHundredNames(b *testing.B) {
	reader := sdkmetric.NewManualReader()
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	for i := range 100 {
		_, op := Start(b.Context(), fmt.Sprint("op", i), Providers{Meter: mp})
		defer op.End(nil)
	}
	b.ReportAllocs()
	var rm metricdata.ResourceMetrics
	for b.Loop() {
		if err := reader.Collect(b.Context(), &rm); err != nil {
			b.Fatal(err)
		}
	}
}
