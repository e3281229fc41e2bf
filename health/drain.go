package health

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Drain makes readiness fail from now on, so that traffic goes elsewhere, while
// liveness and startup stay what they are. It can't be undone, and changes no
// check.
func (r *Registry) Drain() {
	r.mu.Lock() // first, so that it holds for every caller when Drain returns
	defer r.mu.Unlock()
	if !r.draining.Swap(true) {
		r.changed()
	}
}

// DrainOnSignal returns a context that ends delay after SIGTERM, with the
// registry draining in between: a load balancer needs that time to notice that
// readiness fails, and until then requests keep coming. Stop serving when the
// context ends. A second SIGTERM and an interrupt (Ctrl-C) end it at once. On
// Kubernetes a delay of the probe's periodSeconds times failureThreshold plus 5 s
// is a good one.
//
// stop releases what DrainOnSignal holds and ends the context; it may be called
// more than once.
func (r *Registry) DrainOnSignal(ctx context.Context, delay time.Duration) (draining context.Context, stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	draining, end := r.drainOn(ctx, delay, signals)
	return draining, func() {
		signal.Stop(signals)
		end()
	}
}

func (r *Registry) drainOn(ctx context.Context, delay time.Duration, signals <-chan os.Signal) (draining context.Context, stop func()) {
	draining, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer cancel()
		select {
		case s := <-signals:
			r.Drain()
			if s == os.Interrupt {
				return
			}
		case <-draining.Done():
			return
		}
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-signals:
		case <-draining.Done():
		}
	})
	return draining, func() {
		cancel()
		waiting.Wait()
	}
}
