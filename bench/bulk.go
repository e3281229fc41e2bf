package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/schollz/progressbar/v3"
	"github.com/vbauerster/mpb/v8"

	"github.com/otelmon/otelmon-go/bulk"
)

const endless = 1 << 40 // a total that no bar reaches

// counting is what an item costs, alone and shared.
func counting() []pair {
	ctx := context.Background()
	var added atomic.Int64
	atomicAdd := func(n int) {
		for range n {
			added.Add(1)
		}
	}
	_, op := bulk.Start(ctx, "bench.shared")
	w := op.Worker()
	rows := make([]byte, 1<<24)
	return []pair{
		{
			name: "bulk.Range, an item (bare range)", bound: plus(1), other: bareRange,
			ours: oursRange,
		},
		{
			name: "bulk.Range, an item (pass-through iterator)", bound: plus(1), ours: oursRange,
			other: func(n int) {
				sum := 0
				for v := range passThrough(upTo(n)) {
					sum += v
				}
				runtime.KeepAlive(sum)
			},
		},
		{
			name: "bulk.Slice, an item (bare range)", bound: plus(1),
			ours:  func(n int) { oursSlice(rows[:n]) },
			other: func(n int) { bareSlice(rows[:n]) },
		},
		{
			name: "bulk.Each, an item (bare range)", other: bareRange,
			ours: oursEach,
		},
		{
			name: "bulk owned Worker.OK (bare loop)", bound: plus(1), other: nothing,
			ours: func(n int) {
				for range n {
					w.OK()
				}
			},
		},
		{
			name: "bulk shared Operation.OK (atomic add)", bound: plus(10), other: atomicAdd,
			ours: func(n int) {
				for range n {
					op.OK()
				}
			},
			close: func() { w.Close(); op.End(nil) },
		},
	}
}

// failing is what an item that fails costs in a storm of them.
func failing() []pair {
	_, op := bulk.Start(context.Background(), "bench.failing")
	err := errors.New("duplicate key")
	wrapped := fmt.Errorf("row 7: %w", fmt.Errorf("insert: %w", err))
	var added atomic.Int64
	add := repeat(func() { added.Add(1) })
	return []pair{
		{
			name: "bulk shared Operation.Fail (atomic add)", bound: plus(20), other: add,
			ours: repeat(func() { op.Fail(err) }),
		},
		{
			name: "bulk shared Operation.Fail, wrapped twice", bound: plus(40), other: add,
			ours:  repeat(func() { op.Fail(wrapped) }),
			close: func() { op.End(nil) },
		},
	}
}

// upTo is a sequence that the compiler cannot see through, as those of a
// database driver or a parser are.
//
//go:noinline
func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// passThrough is the least that can be wrapped around a sequence to see its
// items go by.
//
//go:noinline
func passThrough(seq iter.Seq[int]) iter.Seq[int] {
	return func(yield func(int) bool) {
		seen := 0
		seq(func(v int) bool {
			seen++
			return yield(v)
		})
		runtime.KeepAlive(seen)
	}
}

func bareRange(n int) {
	sum := 0
	for v := range upTo(n) {
		sum += v
	}
	runtime.KeepAlive(sum)
}

func oursRange(n int) {
	sum := 0
	for v := range bulk.Range(context.Background(), "bench.range", upTo(n)) {
		sum += v
	}
	runtime.KeepAlive(sum)
}

func oursEach(n int) {
	sum := 0
	for _, v := range bulk.Each(context.Background(), "bench.each", upTo(n)) {
		sum += v
	}
	runtime.KeepAlive(sum)
}

func bareSlice(rows []byte) {
	sum := 0
	for _, v := range rows {
		sum += int(v)
	}
	runtime.KeepAlive(sum)
}

func oursSlice(rows []byte) {
	sum := 0
	for v := range bulk.Slice(context.Background(), "bench.slice", rows) {
		sum += int(v)
	}
	runtime.KeepAlive(sum)
}

func nothing(n int) {
	for i := range n {
		_ = i
	}
}

// rivals are progress bars that draw to nowhere, for goroutines that share them.
func rivals() []pair {
	count := func() (work, func()) {
		_, op := bulk.Start(context.Background(), "bench.rival")
		return repeat(op.OK), func() { op.End(nil) }
	}
	against := func(name string, add, end func()) pair {
		ours, endOurs := count()
		return pair{name: name, ours: ours, other: repeat(add), close: func() { end(); endOurs() }}
	}
	cheggaaa := pb.New64(endless).SetWriter(io.Discard).Start()
	schollz := progressbar.NewOptions64(
		endless,
		progressbar.OptionSetWriter(io.Discard), progressbar.OptionThrottle(65*time.Millisecond),
	)
	bars := mpb.New(mpb.WithOutput(io.Discard))
	bar := bars.AddBar(endless)
	return []pair{
		against("bulk shared (cheggaaa/pb v3)", func() { cheggaaa.Increment() }, func() { cheggaaa.Finish() }),
		against("bulk shared (schollz/progressbar v3)", func() { _ = schollz.Add(1) }, func() { _ = schollz.Exit() }),
		against("bulk shared (vbauerster/mpb v8)", bar.Increment, func() { bar.Abort(true); bars.Wait() }),
	}
}
