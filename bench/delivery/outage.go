package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/otelmon/otelmon-go/exporters"
)

const (
	outageSpans = 3600 * 1000 // an hour at 1,000 a second
	healthyTime = 10 * time.Second
	replayLimit = 2 * time.Minute
)

// outage fills the directory with what an hour makes, lets the backend come back
// while spans are still made, and looks at both.
func outage(ctx context.Context, t *table, dir string) (err error) {
	url, err := vacantURL(ctx)
	if err != nil {
		return err
	}
	addr := strings.TrimPrefix(url, "http://")
	b, err := startBackend(ctx, addr)
	if err != nil {
		return err
	}
	box, err := exporters.Open(ctx, exporters.Options{
		Destinations: to(url), Dir: dir, MaxBytes: 4 << 30,
		Spans: exporters.Batching{Queue: burstQueue, Delay: time.Second},
	})
	if err != nil {
		return errors.Join(err, b.stop())
	}
	p := newProducer(box.SpanProcessor())
	enough := make(chan struct{})
	time.AfterFunc(healthyTime, func() { close(enough) })
	before := p.steadily(enough)
	if err := errors.Join(p.provider.ForceFlush(ctx), b.stop()); err != nil {
		return err
	}
	if err := fill(ctx, t, box, p); err != nil {
		return err
	}
	if b, err = startBackend(ctx, addr); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	during, err := replay(ctx, t, box, p, b)
	if err != nil {
		return err
	}
	for _, q := range []struct {
		name string
		part float64
		most float64
	}{{"p50", 0.5, 0}, {"p99", 0.99, 2}, {"p99.9", 0.999, 0}} {
		t.add(figure{
			what: q.name + " of a span during replay (before the outage)", ours: nanos(during.part(q.part)), other: nanos(before.part(q.part)),
			ratio: during.part(q.part) / before.part(q.part), most: q.most,
		})
	}
	return errors.Join(p.provider.Shutdown(ctx), box.Close(ctx))
}

// fill makes an hour's spans as fast as they are encoded.
func fill(ctx context.Context, t *table, box *exporters.Outbox, p *producer) error {
	start := time.Now()
	for made := 0; made < outageSpans; made += burst {
		p.spans(min(burst, outageSpans-made))
		_ = p.provider.ForceFlush(ctx) // tells that the backend is away once all is on the disk
	}
	took, a := time.Since(start), account(box)
	if a.Pending != outageSpans || a.Lost() > 0 {
		return fmt.Errorf("not everything waits: %s", a)
	}
	t.add(figure{
		what: "an hour of 1,000 spans a second without a backend, on disk",
		ours: fmt.Sprintf("%s, %d B a span", megabytes(float64(a.Bytes)), a.Bytes/a.Pending),
	})
	t.add(figure{what: "how fast they are made and stored", ours: rate(float64(took) / outageSpans)})
	return nil
}

// replay makes a live span each millisecond until everything has arrived.
func replay(ctx context.Context, t *table, box *exporters.Outbox, p *producer, b *backend) (during rounds, err error) {
	start, enough := time.Now(), make(chan struct{})
	var watch error
	var got arrivals
	go func() {
		defer close(enough)
		for got.Spans-got.Live < outageSpans || got.Live == 0 || got.Late > 2*time.Second {
			<-time.After(50 * time.Millisecond)
			if got, watch = b.arrivals(ctx); watch == nil && time.Since(start) > replayLimit {
				watch = fmt.Errorf("no end of the replay: %+v, %s", got, account(box))
			}
			if watch != nil {
				return
			}
		}
	}()
	during = p.steadily(enough)
	if watch != nil {
		return nil, watch
	}
	took := time.Since(start)
	t.add(figure{what: "from the backend's return to the first request", ours: got.First.Sub(start).Round(time.Millisecond).String()})
	t.add(figure{
		what: "until all has arrived and live spans come as they are made", ours: took.Round(time.Millisecond).String(), other: "a minute",
		ratio: took.Minutes(), most: 1, bound: "≤ 1 min",
	})
	t.add(figure{what: "of which the replay", ours: rate(float64(took-got.First.Sub(start)) / float64(got.Spans))})
	delays, err := b.delays(ctx)
	if err != nil {
		return nil, err
	}
	for _, q := range []struct {
		name string
		part float64
		most float64
		word string
	}{{"p50", 0.5, 0, ""}, {"p99", 0.99, 1, "≤ 2 s"}, {"greatest", 1, 0, ""}} {
		late := time.Duration(delays.part(q.part))
		t.add(figure{
			what: q.name + " of a live span from its end to its arrival, once the backend is found", ours: late.Round(time.Millisecond).String(), other: "2 s",
			ratio: late.Seconds() / 2, most: q.most, bound: q.word,
		})
	}
	return during, nil
}
