package healthtest

import (
	"context"
	"errors"
	"sync"
)

// ErrBroken is what a broken [Dependency] answers.
var ErrBroken = errors.New("healthtest: the dependency is broken")

// A Dependency is a fake that works, fails or doesn't answer, as its test wants.
// The zero value works. All methods may be called concurrently; it must not be
// copied.
type Dependency struct {
	mu      sync.Mutex
	err     error
	hanging chan struct{} // closed when it answers again; nil: it answers
}

// Ping answers nil or [ErrBroken], or waits while the dependency hangs, until ctx
// ends at most: then the error is that of ctx.
func (d *Dependency) Ping(ctx context.Context) error {
	for {
		d.mu.Lock()
		err, hanging := d.err, d.hanging
		d.mu.Unlock()
		if hanging == nil {
			return err
		}
		select {
		case <-hanging:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Break makes every Ping fail, also those that wait.
func (d *Dependency) Break() { d.become(ErrBroken, nil) }

// Repair makes every Ping pass, also those that wait.
func (d *Dependency) Repair() { d.become(nil, nil) }

// Hang makes every Ping wait for Break, Repair or the end of its context.
func (d *Dependency) Hang() { d.become(nil, make(chan struct{})) }

func (d *Dependency) become(err error, hanging chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hanging != nil {
		close(d.hanging)
	}
	d.err, d.hanging = err, hanging
}
