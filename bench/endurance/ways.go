package main

import (
	"context"
	"runtime"
	"sync"

	"github.com/otelmon/otelmon-go/bulk"
)

const many = 100_000_000

func ways() []way {
	return append(ours(), rivals()...)
}

// ours counts under a whole SDK.
func ours() []way {
	return []way{
		{name: "bulk.Range", items: many, bound: 1, bare: bareRange, count: counting(ranged)},
		{name: "bulk owned Worker.OK", items: many, bound: 1, bare: bare, count: counting(owned)},
		{name: "bulk shared Operation.OK", items: many, bound: 10, bare: bare, count: counting(shared(1))},
		{
			name: "bulk shared Operation.OK, 2 goroutines", items: many, bound: 10, goroutines: 2, bare: split(2, bare),
			count: counting(shared(2)),
		},
		{
			name: "bulk shared Operation.OK, 8 goroutines", items: many, bound: 10, goroutines: 8, bare: split(8, bare),
			count: counting(shared(8)),
		},
	}
}

// counting is what is the same for all of ours.
func counting(count func(context.Context, *ruler, ...bulk.Option)) func(context.Context, *ruler) (int64, string, error) {
	return func(ctx context.Context, r *ruler) (int64, string, error) {
		t := start(often, 0)
		count(ctx, r, t.providers(), bulk.Total(r.total()))
		err := t.stop(ctx)
		return t.items.Load(), t.String(), err
	}
}

func ranged(ctx context.Context, r *ruler, opts ...bulk.Option) {
	sum := 0
	for v := range bulk.Range(ctx, "endurance", r.items, opts...) {
		sum += v
	}
	runtime.KeepAlive(sum)
}

func owned(ctx context.Context, r *ruler, opts ...bulk.Option) {
	_, op := bulk.Start(ctx, "endurance", opts...)
	defer op.End(nil)
	w := op.Worker()
	defer w.Close()
	for n := range r.each {
		for range n {
			w.OK()
		}
	}
}

// shared is for goroutines that share an operation.
func shared(goroutines int) func(context.Context, *ruler, ...bulk.Option) {
	return func(ctx context.Context, r *ruler, opts ...bulk.Option) {
		_, op := bulk.Start(ctx, "endurance", opts...)
		defer op.End(nil)
		count := split(goroutines, func(n int) {
			for range n {
				op.OK()
			}
		})
		for n := range r.each {
			count(n)
		}
	}
}

// split has goroutines do the n in equal parts.
func split(goroutines int, do func(n int)) func(n int) {
	if goroutines == 1 {
		return do
	}
	return func(n int) {
		var running sync.WaitGroup
		for range goroutines {
			running.Go(func() { do(n / goroutines) })
		}
		running.Wait()
	}
}

func bare(n int) {
	for i := range n {
		_ = i
	}
}

func bareRange(n int) {
	sum := 0
	give(n, func(v int) bool {
		sum += v
		return true
	})
	runtime.KeepAlive(sum)
}
