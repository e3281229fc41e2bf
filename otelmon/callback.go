package otelmon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"

	"github.com/otelmon/otelmon-go/internal/keys"
)

// callbackTime is how long a collection waits for one callback. The SDK holds a
// lock meanwhile that the making of instruments needs.
const callbackTime = time.Second

var errCallbackLate = errors.New("did not end within 1s")

// guard contains the callbacks of one meter. In the SDK one that panics ends
// the program, one that fails discards the whole collection, and one that hangs
// stops metrics, shutdown and the making of instruments.
type guard struct {
	scope string
	of    *meterProvider
}

// callback is one that runs guarded.
type callback struct {
	guard
	late atomic.Int32 // runs left behind, one for each reader at most
	told atomic.Bool  // that it fails, until it succeeds again
}

// run calls f in a goroutine of its own and then hands what it observed to the
// SDK. A callback that is late observed nothing: a value that was true before is
// none, and the SDK's observer must not be touched after its collection. It is
// not called again before it has ended.
func (c *callback) run(ctx context.Context, observer metric.Observer, f metric.Callback) {
	if c.scope == keys.ScopeHealth && c.of.ending.Load() {
		return
	}
	if c.late.Load() > 0 {
		c.fault(ctx, "timeout", errCallbackLate)
		return
	}
	limited, cancel := context.WithTimeoutCause(ctx, callbackTime, errCallbackLate)
	defer cancel()
	seen, done := new(observations), make(chan error, 1)
	var left atomic.Bool // set by whoever is first: the callback's end or the deadline
	go func() {
		err := errCallbackExit
		defer func() {
			done <- err
			if !left.CompareAndSwap(false, true) {
				c.late.Add(-1)
			}
		}()
		err = contained(limited, seen, f)
	}()
	var err error
	select {
	case err = <-done:
	case <-limited.Done():
		c.late.Add(1)
		if left.CompareAndSwap(false, true) {
			seen.close()
			c.fault(ctx, "timeout", context.Cause(limited))
			return
		}
		c.late.Add(-1)
		err = <-done
	}
	for _, o := range seen.close() {
		o(observer)
	}
	switch {
	case err == nil:
		c.told.Store(false)
	case errors.Is(err, errCallbackPanic):
		c.fault(ctx, "panic", err)
	default:
		c.fault(ctx, "error", err)
	}
}

// fault counts and, the first time, tells. The counter is none that is
// observed, so that it has no callback to fail.
func (c *callback) fault(ctx context.Context, class string, err error) {
	c.of.faults.Add(context.WithoutCancel(ctx), 1, metric.WithAttributes(
		attribute.String(keys.CallbackScope, c.scope), attribute.String(keys.ErrorType, class),
	))
	if !c.told.Swap(true) {
		report(fmt.Errorf("callback of meter %.100q: %w", c.scope, err))
	}
}

var (
	errCallbackPanic = errors.New("panic")
	errCallbackExit  = fmt.Errorf("%w: it ended its goroutine", errCallbackPanic)
)

func contained(ctx context.Context, observer metric.Observer, f metric.Callback) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errCallbackPanic, p)
		}
	}()
	return f(ctx, observer)
}

// observations keeps what a callback observes until it has ended.
type observations struct {
	embedded.Observer
	mu     sync.Mutex
	all    []func(metric.Observer)
	closed bool
}

func (o *observations) add(observe func(metric.Observer)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.all = append(o.all, observe)
	}
}

func (o *observations) close() []func(metric.Observer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	return o.all
}

// ObserveInt64 implements [metric.Observer], as ObserveFloat64 does.
func (o *observations) ObserveInt64(inst metric.Int64Observable, value int64, opts ...metric.ObserveOption) {
	opts = slices.Clone(opts) // the caller's to use again
	o.add(func(to metric.Observer) { to.ObserveInt64(inst, value, opts...) })
}

func (o *observations) ObserveFloat64(inst metric.Float64Observable, value float64, opts ...metric.ObserveOption) {
	opts = slices.Clone(opts)
	o.add(func(to metric.Observer) { to.ObserveFloat64(inst, value, opts...) })
}

// single lets the callback of one instrument run as one of several. The
// instrument is known to the SDK's observer, so none is named.
type single struct {
	embedded.Observer
	embedded.Int64Observer
	embedded.Float64Observer
	ints   metric.Int64Observer
	floats metric.Float64Observer
}

func (s single) ObserveInt64(_ metric.Int64Observable, value int64, opts ...metric.ObserveOption) {
	s.ints.Observe(value, opts...)
}

func (s single) ObserveFloat64(_ metric.Float64Observable, value float64, opts ...metric.ObserveOption) {
	s.floats.Observe(value, opts...)
}

type int64Observer struct {
	embedded.Int64Observer
	to metric.Observer
}

func (o int64Observer) Observe(value int64, opts ...metric.ObserveOption) {
	o.to.ObserveInt64(nil, value, opts...)
}

type float64Observer struct {
	embedded.Float64Observer
	to metric.Observer
}

func (o float64Observer) Observe(value float64, opts ...metric.ObserveOption) {
	o.to.ObserveFloat64(nil, value, opts...)
}

func (g guard) callback(f metric.Callback) metric.Callback {
	c := &callback{guard: g}
	return func(ctx context.Context, o metric.Observer) error {
		c.run(ctx, o, f)
		return nil
	}
}

func (g guard) int64(f metric.Int64Callback) metric.Int64Callback {
	c := &callback{guard: g}
	return func(ctx context.Context, o metric.Int64Observer) error {
		c.run(ctx, single{ints: o}, func(ctx context.Context, to metric.Observer) error { return f(ctx, int64Observer{to: to}) })
		return nil
	}
}

func (g guard) float64(f metric.Float64Callback) metric.Float64Callback {
	c := &callback{guard: g}
	return func(ctx context.Context, o metric.Float64Observer) error {
		c.run(ctx, single{floats: o}, func(ctx context.Context, to metric.Observer) error { return f(ctx, float64Observer{to: to}) })
		return nil
	}
}
