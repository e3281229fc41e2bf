package exporters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	firstWait = 100 * time.Millisecond
	holdWait  = time.Second // after what only a person or a rotated secret heals
	longest   = 30 * time.Second

	// What is older than staleAge is replayed, at most at replayRate: a backend
	// that comes back has other clients too, and the newest to take.
	staleAge   = 10 * time.Second
	replayRate = 64 << 20 // bytes a second
)

// destination delivers what waits for one backend, one request of each signal at
// a time.
type destination struct {
	name    string
	index   int
	box     *Outbox
	account *account
	past    *account       // of the directory's ledger; nil until that is open
	base    [signals]int64 // losses of earlier processes
	outlets [signals]*outlet

	mu    sync.Mutex
	until time.Time     // the backend is left alone till then
	asked time.Time     // it wants that till then
	again chan struct{} // closed and replaced to end waiting for the next attempt
}

// outlet is one signal's way to a destination.
type outlet struct {
	to     *destination
	signal Signal
	sender *sender       // nil: the signal does not go there
	turn   chan struct{} // full while one lane of disk or memory delivers: they take turns

	mu      sync.Mutex
	moved   chan struct{} // closed and replaced when one of these changes
	settled [lanes]uint64 // parcels
	begun   uint64        // attempts
	failed  uint64        // of them, the newest that failed
	err     error         // of the newest attempt; nil if everything was taken
	cause   error         // the newest err there was
	down    bool          // the newest attempt has to be made again
	since   time.Time     // when that began
	ever    bool          // some attempt succeeded
}

func (b *Outbox) newDestination(index int, d Destination) (*destination, error) {
	to := &destination{name: d.Name, index: index, box: b, again: make(chan struct{})}
	var faults []error
	for s := range Signal(signals) {
		o := &outlet{to: to, signal: s, turn: make(chan struct{}, 1), moved: make(chan struct{})}
		to.outlets[s] = o
		e := d.endpoint(s)
		if e == nil {
			continue
		}
		var err error
		if o.sender, err = e.sender(s); err != nil {
			faults = append(faults, fmt.Errorf("destination %.100s, %s: %w", d.Name, s, err))
		}
	}
	return to, errors.Join(faults...)
}

// drain delivers a lane of a store until ctx is done.
func (o *outlet) drain(ctx context.Context, from store, l lane) {
	report := o.to.box.options.Report
	for ctx.Err() == nil {
		g, err := o.gather(ctx, from, l)
		if err != nil {
			if ctx.Err() == nil {
				report(fmt.Errorf("%s for %s: %w", o.signal.items(), o.to.name, err))
				rest(ctx, time.Second)
			}
			continue
		}
		g.inDir = from != store(o.to.box.ring)
		o.turn <- struct{}{}
		done := o.deliver(ctx, g)
		<-o.turn
		if !done {
			return
		}
		if err := from.ack(o.to.index, l, g.last); err != nil {
			report(fmt.Errorf("%s for %s may arrive again: %w", o.signal.items(), o.to.name, err))
		} else if g.inDir {
			o.to.account.marked(l)
		}
		o.settle(l, g.parcels)
	}
}

// deliver tries until the group is settled, and reports false if ctx was done
// before.
func (o *outlet) deliver(ctx context.Context, g group) bool {
	if o.sender == nil {
		o.to.account.before(o.signal).Add(g.items) // never its business
		return true
	}
	if g.items == 0 {
		return true
	}
	started, wait, failed := time.Now(), firstWait, 0
	for {
		again, ok := o.to.quiet(ctx)
		if !ok {
			return false
		}
		o.begin()
		out := o.sender.deliver(ctx, g.body, int(g.items), g.batch, failed)
		o.book(g, out)
		if out.rest == nil {
			o.to.leaveAlone(out.last.after)
			o.answered(out.last.err)
			if age := started.Sub(g.oldest); age > staleAge {
				if age < o.signal.overtakes() {
					o.to.box.divert(g.lane)
				}
				rest(ctx, time.Duration(g.size)*time.Second/replayRate-time.Since(started))
			}
			return true
		}
		o.to.heed(out.last.after)
		g.body, g.items, g.batch = out.rest, int64(out.restItems), out.restBatch
		switch {
		case ctx.Err() != nil:
			return false
		case out.last.kind == kindRefused: // the search goes on
			continue
		case out.last.kind == kindHold:
			wait = max(wait, holdWait)
		}
		o.failedWith(out.last.err)
		failed++
		select {
		case <-time.After(wait/2 + rand.N(wait/2)): //nolint:gosec // jitter
			wait = min(2*wait, longest)
		case <-again: // an attempt out of turn, which says little of how long the outage lasts
		case <-ctx.Done():
			return false
		}
	}
}

// quiet waits until the backend may be asked again. The channel it returns is
// closed when there is no need to wait after the attempt that follows: the
// backend has answered another signal, or somebody waits for what is left.
func (d *destination) quiet(ctx context.Context) (again <-chan struct{}, ok bool) {
	for {
		d.mu.Lock()
		left, again := time.Until(d.until), d.again
		d.mu.Unlock()
		if left <= 0 {
			return again, ctx.Err() == nil
		}
		rest(ctx, left)
		if ctx.Err() != nil {
			return nil, false
		}
	}
}

func rest(ctx context.Context, wait time.Duration) {
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

// leaveAlone keeps every signal from the backend for a while.
func (d *destination) leaveAlone(wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until = later(d.until, time.Now().Add(wait))
}

// heed leaves the backend alone because it has asked for that.
func (d *destination) heed(wait time.Duration) {
	d.leaveAlone(wait)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = later(d.asked, time.Now().Add(wait))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (d *destination) nudge() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.again)
	d.again = make(chan struct{})
}

// answered notes that the backend took a request, or all of it that it ever will;
// err is about the rest.
func (o *outlet) answered(err error) {
	o.mu.Lock()
	recovered := o.down
	o.note(err)
	o.down, o.ever = false, true
	o.mu.Unlock()
	if recovered {
		o.to.nudge()
	}
}

func (o *outlet) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun++
}

// failedWith notes an attempt that has to be made again.
func (o *outlet) failedWith(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down {
		o.down, o.since = true, time.Now()
	}
	o.note(err)
	o.failed = o.begun
	o.move()
}

// note must be called with mu held.
func (o *outlet) note(err error) {
	o.err = err
	if err != nil {
		o.cause = err
		o.to.box.options.Report(o.explain(err))
	}
}

func (o *outlet) explain(err error) error {
	return fmt.Errorf("%s to %s: %w", o.signal.items(), o.sender.endpoint.address(), err)
}

func (o *outlet) settle(l lane, parcels uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settled[l] += parcels
	o.move()
}

// move must be called with mu held.
func (o *outlet) move() {
	close(o.moved)
	o.moved = make(chan struct{})
}

func (o *outlet) isDown() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.down
}

// book counts what an attempt has settled.
func (o *outlet) book(g group, out outcome) {
	seq := uint64(0)
	if g.inDir {
		seq = g.last
	}
	o.to.account.settle(g.lane, seq, out)
	if err := o.to.box.refused.add(out.samples...); err != nil {
		o.to.box.options.Report(err)
	}
}

// drained waits until what waits now is settled. Unless patient it gives up at
// the first attempt that fails; a patient one does only when what is left is safe
// on the disk, or nothing has ever answered on this machine. What is never the
// destination's business is waited for as well, or the next process would find it
// and take it for what waits.
func (o *outlet) drained(ctx context.Context, stores []store, patient bool) error {
	target := o.waiting(stores)
	o.mu.Lock()
	for l, n := range o.settled {
		target[l] += n
	}
	begun := o.begun // what was sent before proves nothing of now
	o.mu.Unlock()
	o.to.nudge()
	for {
		left, safe := o.waiting(stores), o.isSafe()
		o.mu.Lock()
		for l, n := range o.settled {
			if n >= target[l] {
				left[l] = 0
			}
		}
		moved, tried, down, err := o.moved, o.failed > begun, o.down, o.err
		hopeless := o.sender != nil && (!patient || safe || !o.ever && isLoopback(o.sender.endpoint.address()))
		o.mu.Unlock()
		if left == [lanes]uint64{} {
			return nil
		}
		alone, asked := o.to.isLeftAlone()
		if hopeless && (down && (tried || alone) || asked) {
			return o.explain(cmp.Or(err, errAsked))
		}
		select {
		case <-moved:
		case <-ctx.Done():
			if o.sender == nil {
				return nil
			}
			return o.explain(errors.Join(context.Cause(ctx), err))
		}
	}
}

// isSafe reports whether all that waits is in the directory.
func (o *outlet) isSafe() bool {
	box := o.to.box
	return box.disk.Load() != nil && waiting(o.to.index, o.signal, box.ring).parcels == 0
}

// waiting is how many parcels wait in each lane.
func (o *outlet) waiting(stores []store) (n [lanes]uint64) {
	for _, from := range stores {
		for _, l := range o.signal.lanes() {
			n[l] += uint64(from.backlog(o.to.index, l).parcels) //nolint:gosec // a count
		}
	}
	return n
}

// isLeftAlone reports whether no attempt is made now, and whether that is what
// the backend wants.
func (d *destination) isLeftAlone() (alone, asked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Until(d.until) > 0, time.Until(d.asked) > 0
}

var errAsked = errors.New("the backend has asked to be left alone for a while")

// losses tells what was lost since the outbox was opened.
func (o *outlet) losses() error {
	n := o.to.account.losses(o.signal) - o.to.base[o.signal]
	if o.sender == nil || n <= 0 {
		return nil
	}
	o.mu.Lock()
	cause := o.cause
	o.mu.Unlock()
	err := fmt.Errorf("%d %s not delivered to %s (%s)", n, o.signal.items(), o.sender.endpoint.address(), o.to.account.why(o.signal))
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return err
}
