//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	healthySpans = 16 * burst
	awaySpans    = 32 * burst // the first burst is to notice

	firstRetry = time.Second
	settling   = 200 * time.Millisecond // for what is done after a request was taken

	// These may wait for their next attempt on their own while the others pass.
	consumers = 10 * request
)

// measure is the child process: a healthy backend, then none, then it returns.
func measure(ctx context.Context, out io.Writer, name, dir string) error {
	b, err := startBackend(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	w, err := open(ctx, name, dir, "http://"+b.addr)
	if err != nil {
		return errors.Join(err, b.stop())
	}
	figures, err := delivered(ctx, w, b)
	if err := errors.Join(err, b.stop()); err != nil {
		return err
	}
	away, err := stored(ctx, w, dir)
	if err != nil {
		return err
	}
	if b, err = startBackend(ctx, b.addr); err != nil {
		return err
	}
	back, err := replayed(ctx, w, b)
	if err := errors.Join(err, w.close(ctx), b.stop()); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(append(append(figures, away...), back...))
}

func delivered(ctx context.Context, w *way, b *backend) ([]figure, error) {
	var m meter
	for pushed := int64(0); pushed < 2*burst+healthySpans; {
		if pushed == 2*burst { // it is warm
			<-time.After(settling)
			m = start()
		}
		if err := w.push(ctx, burst); err != nil {
			return nil, err
		}
		pushed += burst
		if _, err := b.await(ctx, pushed); err != nil {
			return nil, err
		}
	}
	took := time.Since(m.at)
	<-time.After(settling)
	return m.figures("delivered", healthySpans, healthySpans/took.Seconds()), nil
}

func stored(ctx context.Context, w *way, dir string) ([]figure, error) {
	if err := w.push(ctx, burst); err != nil {
		return nil, err
	}
	<-time.After(settling)
	m := start()
	for made := burst; made < awaySpans; made += burst {
		if err := w.push(ctx, burst); err != nil {
			return nil, err
		}
	}
	figures := m.figures("stored, backend away", awaySpans-burst, (awaySpans-burst)/time.Since(m.at).Seconds())
	used, err := onDisk(dir)
	return append(figures, figure{"stored, backend away: B a span on disk", float64(used) / awaySpans}), err
}

func replayed(ctx context.Context, w *way, b *backend) ([]figure, error) {
	m := start()
	if err := w.push(ctx, 0); err != nil { // a flush, on which ours makes its next attempt at once
		return nil, err
	}
	got, err := b.await(ctx, awaySpans-consumers)
	if err != nil {
		return nil, err
	}
	if _, err := b.await(ctx, awaySpans); err != nil {
		return nil, err
	}
	<-time.After(settling)
	return m.figures("replayed", awaySpans, float64(got.Spans)/got.Last.Sub(got.First).Seconds()), nil
}

// meter is what this process has used so far.
type meter struct {
	at    time.Time
	cpu   time.Duration
	bytes uint64
}

func start() meter {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return meter{time.Now(), processorTime(), s.TotalAlloc}
}

func (m meter) figures(what string, spans, rate float64) []figure {
	now := start()
	return []figure{
		{what + ": spans/s", rate},
		{what + ": processor time, µs a span", float64(now.cpu-m.cpu) / 1e3 / spans},
		{what + ": B a span allocated", float64(now.bytes-m.bytes) / spans},
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Errorf("getrusage: %w", err)) // there is no other fault than a wrong argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// onDisk are the bytes of the blocks that files take.
func onDisk(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		var s syscall.Stat_t
		err = syscall.Stat(name, &s)
		n += s.Blocks * 512
		return err
	})
	return n, err
}
