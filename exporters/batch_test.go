package exporters

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// gathered is a batch that keeps what it encodes.
type gathered struct {
	*batch[int]
	made    atomic.Int64
	mu      sync.Mutex
	batches [][]int
	lost    [reasons]int64
	hold    chan struct{} // closed to let encode go on; nil does not hold
}

func gather(b Batching, hold chan struct{}) *gathered {
	g := &gathered{hold: hold}
	g.batch = newBatch(Traces, b, func() *atomic.Int64 { return &g.made }, func(_ Signal, r Reason, n int64) { g.lost[r] += n }, func(items []int) {
		if g.hold != nil {
			<-g.hold
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.batches = append(g.batches, append([]int(nil), items...))
	})
	return g
}

func (g *gathered) sizes() (all []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.batches {
		all = append(all, len(b))
	}
	return all
}

func TestBatchIsSentWhenFullOrDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(Batching{Queue: 100, Largest: 10, Delay: time.Second}, nil)
		for i := range 25 {
			g.add(i, 1)
		}
		synctest.Wait()
		if got := g.sizes(); len(got) != 2 || got[0] != 10 || got[1] != 10 {
			t.Errorf("batches of %v at once, want two full ones", got)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if got := g.sizes(); len(got) != 3 || got[2] != 5 {
			t.Errorf("batches of %v after the delay", got)
		}
		<-time.After(time.Hour)
		g.add(25, 1)
		<-time.After(time.Second)
		synctest.Wait()
		if got := g.sizes(); len(got) != 4 {
			t.Errorf("batches of %v after a pause", got)
		}
		if err := g.end(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFlushAndEndWaitForAllBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(Batching{Queue: 100, Largest: 10, Delay: time.Hour}, nil)
		for i := range 13 {
			g.add(i, 1)
		}
		if err := g.flush(t.Context()); err != nil || len(g.sizes()) != 2 {
			t.Errorf("%v, batches of %v", err, g.sizes())
		}
		g.add(13, 1)
		if err := g.end(t.Context()); err != nil || len(g.sizes()) != 3 {
			t.Errorf("%v, batches of %v", err, g.sizes())
		}
		g.add(14, 1)
		if g.lost[Abandoned] != 1 || g.made.Load() != 15 {
			t.Errorf("lost %d of %d", g.lost[Abandoned], g.made.Load())
		}
	})
}

// A queue is full by number or by bytes, and add never waits.
func TestFullQueueDropsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		g := gather(Batching{Queue: 20, Largest: 10, Delay: time.Hour}, hold)
		for i := range 10 {
			g.add(i, 1)
		}
		synctest.Wait() // ten are being encoded
		for i := range 30 {
			g.add(i, 1)
		}
		if g.lost[QueueFull] != 10 {
			t.Errorf("%d dropped, want 10", g.lost[QueueFull])
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush of a stuck encoder: %v", err)
		}
		close(hold)
		if err := g.end(t.Context()); err != nil {
			t.Error(err)
		}
		g = gather(Batching{Queue: 20, Delay: time.Hour}, make(chan struct{}))
		g.add(1, 2*maxQueued) // a single one is always taken
		synctest.Wait()
		g.add(2, maxQueued)
		g.add(3, 1)
		if g.lost[QueueFull] != 1 {
			t.Errorf("%d dropped for their size, want 1", g.lost[QueueFull])
		}
		close(g.hold)
		_ = g.end(t.Context())
	})
}

func BenchmarkBatchAdd(b *testing.B) {
	g := newBatch(Traces, Batching{Queue: 1 << 20}, func() *atomic.Int64 { return new(atomic.Int64) }, func(Signal, Reason, int64) {}, func([]int) {})
	b.ReportAllocs()
	for i := range b.N {
		g.add(i, 1)
	}
	b.StopTimer()
	_ = g.end(context.Background())
}
