package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
)

const (
	hotRounds = 100
	hotSpans  = 500 // a round
	attempts  = 4   // a bound that seems missed is measured again
)

// hotPath compares the slowest spans of a healthy outbox with those while the
// backend is away, and while the directory or the whole disk has no room left
// besides.
func hotPath(ctx context.Context, t *table, dir string) (err error) {
	b, err := startBackend(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	vacant, err := vacantURL(ctx)
	if err != nil {
		return err
	}
	type way struct {
		what string
		o    exporters.Options
	}
	ways := []way{
		{"healthy", exporters.Options{Destinations: to("http://" + b.http)}},
		{"p99.9 of a span, no backend (healthy)", exporters.Options{Destinations: to(vacant)}},
		{"p99.9 of a span, no backend and a full directory (healthy)", exporters.Options{Destinations: to(vacant), MaxBytes: 256 << 10}},
	}
	disk := filepath.Join(dir, "disk")
	if unmount, err := smallDisk(disk); err != nil {
		fmt.Fprintln(os.Stderr, "without the row of a full disk:", err)
	} else {
		defer func() { err = errors.Join(err, unmount()) }()
		ways = append(ways, way{"p99.9 of a span, no backend and a full disk (healthy)", exporters.Options{
			Destinations: to(vacant), Dir: filepath.Join(disk, "outbox"), MinFree: -1,
		}})
	}
	producers := make([]*producer, len(ways))
	for i, w := range ways {
		w.o.Dir = cmp.Or(w.o.Dir, filepath.Join(dir, w.what))
		box, err := exporters.Open(ctx, w.o)
		if err != nil {
			return err
		}
		defer func() { _ = box.Close(ctx) }() // what is left has nowhere to go
		producers[i] = newProducer(box.SpanProcessor())
	}
	if len(ways) > 3 {
		if err := fillUp(disk); err != nil {
			return err
		}
	}
	names := make([]string, len(ways))
	for i, w := range ways {
		names[i] = w.what
	}
	for _, f := range slowest(names, producers)[1:] {
		t.add(f)
	}
	return nil
}

// slowest measures the producers in turn, each against the first.
func slowest(names []string, producers []*producer) []figure {
	took, figures := make([]rounds, len(names)), make([]figure, len(names))
	for attempt := range attempts {
		for range hotRounds {
			for i, p := range producers {
				took[i] = p.timed(hotSpans, spanName, took[i])
				<-time.After(3 * time.Millisecond) // the queue's goroutine has its turn
			}
		}
		again := false
		for i, name := range names {
			ours, other := took[i].part(0.999), took[0].part(0.999)
			figures[i] = figure{what: name, ours: nanos(ours), other: nanos(other), ratio: ours / other, most: 2}
			again = again || figures[i].missed()
		}
		if attempt > 0 && !again {
			break
		}
	}
	return figures
}
