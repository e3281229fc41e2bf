package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/schollz/progressbar/v3"
	"github.com/vbauerster/mpb/v8"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// fewer is for what takes minutes otherwise.
const fewer = 2_000_000

func rivals() []way {
	return []way{
		{name: "an atomic addition", items: many, bare: bare, count: added(1)},
		{name: "an atomic addition, 2 goroutines", items: many, goroutines: 2, bare: split(2, bare), count: added(2)},
		{name: "cheggaaa/pb v3", items: many, bare: bare, count: cheggaaa},
		{name: "schollz/progressbar v3", items: many, bare: bare, count: schollz},
		{name: "vbauerster/mpb v8", items: many, bare: bare, count: vbauerster},
		{name: "an OpenTelemetry counter", items: many, bare: bare, count: counter},
		{name: "a span an item, exported in no time", items: fewer, bare: bare, count: spans(0)},
		{name: "a span an item, exported in 1 ms a batch", items: fewer, bare: bare, count: spans(time.Millisecond)},
	}
}

// screen is a terminal that nobody looks at. A bar draws into it from one
// goroutine at a time.
type screen struct{ writes, bytes atomic.Int64 }

func (s *screen) Write(p []byte) (int, error) {
	s.writes.Add(1)
	s.bytes.Add(int64(len(p)))
	return len(p), nil
}

func (s *screen) String() string {
	return fmt.Sprintf("%d bytes in %d writes to the terminal", s.bytes.Load(), s.writes.Load())
}

func added(goroutines int) func(context.Context, *ruler) (int64, string, error) {
	return func(_ context.Context, r *ruler) (int64, string, error) {
		var sum atomic.Int64
		count := split(goroutines, func(n int) {
			for range n {
				sum.Add(1)
			}
		})
		for n := range r.each {
			count(n)
		}
		return sum.Load(), "nothing", nil
	}
}

func cheggaaa(_ context.Context, r *ruler) (int64, string, error) {
	var s screen
	bar := pb.New64(r.total()).SetWriter(&s).Set(pb.Terminal, true).SetWidth(80).Start()
	for n := range r.each {
		for range n {
			bar.Increment()
		}
	}
	bar.Finish()
	return bar.Current(), s.String(), bar.Err()
}

func schollz(_ context.Context, r *ruler) (int64, string, error) {
	var s screen
	bar := progressbar.NewOptions64(r.total(), progressbar.OptionSetWriter(&s), progressbar.OptionThrottle(65*time.Millisecond))
	for n := range r.each {
		for range n {
			_ = bar.Add(1)
		}
	}
	err := bar.Exit()
	return bar.State().CurrentNum, s.String(), err
}

func vbauerster(ctx context.Context, r *ruler) (int64, string, error) {
	var s screen
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(&s), mpb.WithAutoRefresh(), mpb.WithWidth(80))
	bar := bars.AddBar(r.total())
	for n := range r.each {
		for range n {
			bar.Increment()
		}
	}
	bars.Wait()
	return bar.Current(), s.String(), nil
}

// counter has its attributes in a prebuilt set, which is the cheapest way.
func counter(ctx context.Context, r *ruler) (int64, string, error) {
	t := start(often, 0)
	items, err := t.meters.Meter("endurance").Int64Counter("items")
	if err != nil {
		return 0, "", err
	}
	ok := []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attribute.String("outcome", "ok")))}
	for n := range r.each {
		for range n {
			items.Add(ctx, 1, ok...)
		}
	}
	err = t.stop(ctx)
	return t.items.Load(), t.String(), err
}

func spans(pause time.Duration) func(context.Context, *ruler) (int64, string, error) {
	return func(ctx context.Context, r *ruler) (int64, string, error) {
		t := start(often, pause)
		tracer := t.tracers.Tracer("endurance")
		ended := int64(0)
		for n := range r.each {
			for range n {
				_, span := tracer.Start(ctx, "item")
				span.End()
				ended++
			}
		}
		err := t.stop(ctx)
		lost := float64(ended-t.spans.Load()) / float64(ended)
		return ended, fmt.Sprintf("%s; %.0f %% of the spans are lost", t, 100*lost), err
	}
}
