package exporters

import (
	"bytes"
	"context"
	"crypto/rand"
	"sync"
)

// ring keeps parcels in memory, up to a number of bytes. When that is reached
// the oldest parcel of the lane that takes most room goes, so that a flood of
// logs can't push spans out. The newest of each lane stays, however large, so
// that it is tried at least once while the backend is there.
type ring struct {
	id    string
	limit int64
	lost  func(destination int, s Signal, r Reason, items int64)

	mu    sync.Mutex
	bytes int64
	lanes [lanes]queue
}

type queue struct {
	parcels []parcel // those that some destination has not read
	bytes   int64
	last    uint64 // seq of the newest parcel ever
	readers []reading
	wake    chan struct{} // closed and replaced by put
}

// reading is how far a destination has come.
type reading struct {
	seq    uint64  // of the newest parcel read or lost
	unread backlog // without oldest
	flight backlog // read and not acknowledged
}

func newRing(limit int64, destinations int, lost func(int, Signal, Reason, int64)) *ring {
	r := &ring{id: rand.Text(), limit: limit, lost: lost}
	for i := range r.lanes {
		r.lanes[i].readers = make([]reading, destinations)
		r.lanes[i].wake = make(chan struct{})
	}
	return r
}

// put keeps a copy of the parcel's body.
func (r *ring) put(to lane, p parcel) error {
	p.body = bytes.Clone(p.body)
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &r.lanes[to]
	l.last++
	p.seq = l.last
	l.parcels = append(l.parcels, p)
	for d := range l.readers {
		l.readers[d].unread.add(p)
	}
	l.bytes += int64(len(p.body))
	r.bytes += int64(len(p.body))
	for r.bytes > r.limit && r.evict() {
	}
	close(l.wake)
	l.wake = make(chan struct{})
	return nil
}

// evict must be called with mu held, and reports whether anything could go. What
// is being sent is not lost: its sender has it.
func (r *ring) evict() bool {
	var l *queue
	var most lane
	for other := range lane(lanes) {
		if o := &r.lanes[other]; len(o.parcels) > 1 && (l == nil || o.bytes > l.bytes) {
			l, most = o, other
		}
	}
	if l == nil {
		return false
	}
	p := l.parcels[0]
	for d := range l.readers {
		if at := &l.readers[d]; at.seq < p.seq {
			at.seq = p.seq
			at.unread.remove(p)
			r.lost(d, most.signal(), Evicted, p.items)
		}
	}
	r.trim(l)
	return true
}

// trim lets go of what everybody has read.
func (r *ring) trim(l *queue) {
	least := l.last
	for _, at := range l.readers {
		least = min(least, at.seq)
	}
	for len(l.parcels) > 0 && l.parcels[0].seq <= least {
		n := int64(len(l.parcels[0].body))
		l.parcels[0] = parcel{}
		l.parcels = l.parcels[1:]
		l.bytes -= n
		r.bytes -= n
	}
}

func (r *ring) next(ctx context.Context, destination int, of lane) (parcel, error) {
	for {
		r.mu.Lock()
		l := &r.lanes[of]
		at := &l.readers[destination]
		if at.seq < l.last {
			p := l.parcels[len(l.parcels)-int(l.last-at.seq)] //nolint:gosec // a count of what is in memory
			at.seq = p.seq
			at.unread.remove(p)
			at.flight.add(p)
			r.trim(l)
			r.mu.Unlock()
			return p, nil
		}
		wake := l.wake
		r.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return parcel{}, context.Cause(ctx)
		}
	}
}

// ack is for all that was read.
func (r *ring) ack(destination int, l lane, _ uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lanes[l].readers[destination].flight = backlog{}
	return nil
}

func (r *ring) backlog(destination int, of lane) backlog {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &r.lanes[of]
	at := l.readers[destination]
	b := at.flight
	if b.parcels == 0 && at.seq < l.last {
		b.oldest = l.parcels[len(l.parcels)-int(l.last-at.seq)].made //nolint:gosec // a count of what is in memory
	}
	b.parcels += at.unread.parcels
	b.items += at.unread.items
	b.bytes += at.unread.bytes
	return b
}

func (r *ring) origin() string { return r.id }
