package store

import (
	"context"
	"errors"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// sampler is the console's metric reader: a manual reader with a goroutine
// that collects at each interval and on demand.
type sampler struct {
	*sdkmetric.ManualReader

	st     *Store
	cancel context.CancelFunc
	asked  chan chan struct{}
	done   chan struct{}
	once   sync.Once
}

// patience is how long an answer waits for fresh metrics. A callback of the
// application that takes longer makes the answer show older ones.
const patience = 250 * time.Millisecond

func startSampler(st *Store) *sampler {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sampler{
		ManualReader: sdkmetric.NewManualReader(),
		st:           st, cancel: cancel, asked: make(chan chan struct{}), done: make(chan struct{}),
	}
	go s.run(ctx)
	return s
}

func (s *sampler) run(ctx context.Context) {
	defer close(s.done)
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	var rm metricdata.ResourceMetrics
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.collect(ctx, &rm, sampling)
		case answered := <-s.asked:
			s.collect(ctx, &rm, demanded)
			close(answered)
		}
		if s.st.metrics.usage().Kept > maxReused {
			rm = metricdata.ResourceMetrics{}
		}
	}
}

// maxReused bounds the series of a collection whose memory is kept for the
// next one.
const maxReused = 4096

// collect reads all metrics. The application's callbacks run in it; one that
// panics costs this collection only.
func (s *sampler) collect(ctx context.Context, rm *metricdata.ResourceMetrics, why occasion) {
	defer func() {
		if r := recover(); r != nil {
			s.st.panics.Add(1)
		}
	}()
	now := time.Now()
	s.st.metrics.sampleRuntime(why)
	if err := s.Collect(ctx, rm); err != nil && len(rm.ScopeMetrics) == 0 {
		return
	}
	s.st.identity.learn(rm.Resource)
	s.st.metrics.absorb(rm, now, why)
}

// demand asks for a collection now and waits for it, up to patience. It returns
// false when that was in vain.
func (s *sampler) demand() bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	answered := make(chan struct{})
	select {
	case s.asked <- answered:
	case <-s.done:
		return false
	case <-late.C:
		return false
	}
	select {
	case <-answered:
		return true
	case <-s.done:
	case <-late.C:
	}
	return false
}

// Shutdown stops the goroutine and waits for it, at most until ctx ends. A
// last collection keeps what the page shows afterwards complete.
func (s *sampler) Shutdown(ctx context.Context) error {
	var err error
	s.once.Do(func() {
		s.demand()
		s.cancel()
		select {
		case <-s.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
		err = errors.Join(err, s.ManualReader.Shutdown(ctx))
	})
	return err
}
